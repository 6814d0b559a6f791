import { setTimeout as sleep } from "node:timers/promises";
import { SECOND } from "../../time/clock.js";
import { isStateUnavailable } from "../../oauth/error.js";
import type { Log } from "../../oauth/log.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";
import { checkRedis } from "./redis-checks.js";
import type { RedisStatus } from "./redis-status.js";

const PROBE_MS = SECOND;
const CHECK_MS = 10 * SECOND;

/**
 * Probes Redis all the time: its state is known without traffic, and a silent connection is replaced. Now and then, and
 * after every return, it also checks for risks to the state.
 */
export class RedisMonitor {
  readonly #redis: RedisCaller;
  readonly #status: RedisStatus;
  readonly #log: Log;
  readonly #probedKey: string;
  #warnings: readonly string[] = [];
  #memoryUsed: number | undefined;
  #checkAt = 0;

  constructor({ redis, status, log, keys }: { redis: RedisCaller; status: RedisStatus; log: Log; keys: RedisKeys }) {
    this.#redis = redis;
    this.#status = status;
    this.#log = log;
    this.#probedKey = keys.ring;
  }

  /** The risks that the last check found. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** The share of `maxmemory` in use on the fullest master, as the last check found it. */
  get memoryUsed(): number | undefined {
    return this.#memoryUsed;
  }

  /** Probes once; checks if it is time to. Never throws. */
  async probe(): Promise<void> {
    const wasUp = this.#status.isUp;
    try {
      await this.#redis.call((link) => link.exists(this.#probedKey));
      if (wasUp && performance.now() < this.#checkAt) return;
      const { warnings, memoryUsed } = await this.#redis.call(checkRedis);
      this.#note(warnings);
      this.#memoryUsed = memoryUsed;
      this.#checkAt = performance.now() + CHECK_MS;
    } catch (error) {
      if (!isStateUnavailable(error)) this.#log.fault("store", error); // away: the status has logged it
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
