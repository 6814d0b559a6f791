import { setTimeout as sleep } from "node:timers/promises";
import { MINUTE, SECOND } from "../../time/clock.js";
import type { Log } from "../../oauth/log.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";
import { checkRedis } from "./redis-checks.js";

const PROBE_MS = SECOND;
const CHECK_MS = MINUTE;

/**
 * Probes Redis all the time: its state is known without traffic, and a silent connection is replaced. Now and then, and
 * after every return, it also checks for risks to the state.
 */
export class RedisMonitor {
  readonly #redis: RedisCaller;
  readonly #log: Log;
  readonly #probedKey: string;
  #warnings: readonly string[] = [];
  #checkAt = 0;

  constructor({ redis, log, keys }: { redis: RedisCaller; log: Log; keys: RedisKeys }) {
    this.#redis = redis;
    this.#log = log;
    this.#probedKey = keys.ring;
  }

  /** The risks that the last check found. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Probes once; checks if it is time to. Never throws. */
  async probe(): Promise<void> {
    const wasUp = this.#redis.isUp;
    try {
      await this.#redis.call((link) => link.exists(this.#probedKey));
      if (wasUp && performance.now() < this.#checkAt) return;
      this.#note(await this.#redis.call(checkRedis));
      this.#checkAt = performance.now() + CHECK_MS;
    } catch {
      // Away: the caller has logged it.
    }
  }

  /** Probes until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.probe();
      await sleep(PROBE_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  #note(warnings: readonly string[]): void {
    for (const risk of warnings) {
      if (!this.#warnings.includes(risk)) this.#log.warn("the state in redis is at risk", { risk });
    }
    this.#warnings = warnings;
  }
}
