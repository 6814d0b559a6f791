import { setTimeout as sleep } from "node:timers/promises";
import type { KeyRingStore } from "../key-ring-store.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";
import { ringReplace } from "./scripts.js";

/** How often the version is looked at. */
const POLL_MS = 500;

/** The sealed ring: one hash. */
export function createRedisKeyRingStore(needs: {
  redis: RedisCaller;
  keys: RedisKeys;
  /** Aborts when the storage is closed. */
  closing: AbortSignal;
}): KeyRingStore {
  const { redis, keys, closing } = needs;
  /** The version that this replica read or wrote last. */
  let known = 0;
  return {
    async read() {
      const [version, sealed] = await redis.call((link) => link.hmget(keys.ring, "version", "sealed"));
      known = Number(version ?? 0);
      return typeof version === "string" && typeof sealed === "string" ? { version: known, sealed } : undefined;
    },
    async replace(expected, { version, sealed }, fence) {
      const outcome = await redis.run(ringReplace, [keys.ring, keys.lease], [expected, version, sealed, fence ?? ""]);
      if (outcome === "replaced") known = version;
      return outcome === "replaced";
    },
    watch(onChange, signal) {
      void follow(AbortSignal.any([signal, closing]), async () => {
        const version = Number((await redis.call((link) => link.hget(keys.ring, "version"))) ?? 0);
        if (version === known) return;
        known = version;
        onChange();
      });
    },
  };
}

/** Polls until the signal aborts. A poll that fails is made again: the store is away. */
async function follow(signal: AbortSignal, poll: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await poll().catch(() => {});
    await sleep(POLL_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
