import { setTimeout as sleep } from "node:timers/promises";
import { HOUR } from "../../time/clock.js";
import { isStateUnavailable } from "../../oauth/error.js";
import type { Log } from "../../oauth/log.js";
import type { FailedLogins } from "../failed-logins.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";
import type { RedisLink } from "./redis-link.js";

const FLUSH_MS = 500;
const POLL_MS = 1000;
/** Keys counted between two flushes, and their length: more come only from a flood, which the local count stops. */
const MAX_PENDING_KEYS = 1000;
const MAX_KEY_LENGTH = 512;
const MAX_BATCH_LENGTH = 1024 * 1024;
/** Batches kept, at two a second for each replica that sees failures. */
const MAX_BATCHES = 500;

/**
 * Failed logins, as a short capped stream of batches. While Redis is away batches are dropped, and only the local counts limit.
 */
export class RedisFailedLogins implements FailedLogins {
  readonly #redis: RedisCaller;
  readonly #key: string;
  readonly #log: Log;
  readonly #replica: string;
  readonly #closing = new AbortController();
  readonly #pending = new Map<string, number>();
  #flush: NodeJS.Timeout | undefined;

  /** `replica` names this process among the others. */
  constructor({ redis, keys, log, replica }: { redis: RedisCaller; keys: RedisKeys; log: Log; replica: string }) {
    this.#log = log;
    this.#redis = redis;
    this.#key = keys.failures;
    this.#replica = replica;
  }

  spend(key: string): void {
    const count = this.#pending.get(key) ?? 0;
    if (key.length > MAX_KEY_LENGTH || (count === 0 && this.#pending.size >= MAX_PENDING_KEYS)) return;
    this.#pending.set(key, count + 1);
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined;
      void this.#send().catch(this.#missed);
    }, FLUSH_MS).unref();
  }

  follow(onRemote: (key: string, count: number) => void, signal: AbortSignal): void {
    void this.#poll(onRemote, AbortSignal.any([signal, this.#closing.signal]));
  }

  /** Ends following, and drops what was not sent. */
  close(): void {
    this.#closing.abort();
    clearTimeout(this.#flush);
    this.#pending.clear();
  }

  readonly #missed = (error: unknown): void => {
    if (!isStateUnavailable(error)) this.#log.fault("store", error);
  };

  async #send(): Promise<void> {
    const batch = JSON.stringify([...this.#pending]);
    this.#pending.clear();
    await this.#redis.call(async (link) => {
      await link.xadd(this.#key, "MAXLEN", "~", MAX_BATCHES, "*", "replica", this.#replica, "batch", batch);
      await link.pexpire(this.#key, HOUR);
    });
  }

  async #poll(onRemote: (key: string, count: number) => void, signal: AbortSignal): Promise<void> {
    let after: string | undefined;
    while (!signal.aborted) {
      try {
        after ??= await this.#redis.call((link) => lastId(link, this.#key));
        const from = `(${after}`;
        const batches = await this.#redis.call((link) => link.xrange(this.#key, from, "+", "COUNT", MAX_BATCHES));
        for (const [id, [, replica, , batch = ""]] of batches) {
          after = id;
          if (replica !== this.#replica) for (const [key, count] of parseBatch(batch)) onRemote(key, count);
        }
      } catch (error) {
        this.#missed(error);
        after = undefined; // ids may have gone back; what was missed is seconds old
      }
      await sleep(POLL_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}

async function lastId(link: RedisLink, key: string): Promise<string> {
  const [last] = await link.xrevrange(key, "+", "-", "COUNT", 1);
  return last?.[0] ?? "0-0";
}

/** Another replica's batch. Anything unexpected counts as empty. */
function parseBatch(text: string): readonly (readonly [string, number])[] {
  if (text.length > MAX_BATCH_LENGTH) return [];
  const batch = parseJson(text);
  if (!Array.isArray(batch)) return [];
  return batch.slice(0, MAX_PENDING_KEYS).flatMap((item: unknown) => {
    if (!Array.isArray(item)) return [];
    const [key, count]: unknown[] = item;
    const isKey = typeof key === "string" && key.length <= MAX_KEY_LENGTH;
    const isCount = typeof count === "number" && Number.isSafeInteger(count) && count > 0;
    return isKey && isCount ? [[key, count] as const] : [];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
