import type { Lease } from "../lease.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";
import type { ScriptNow } from "./script-now.js";
import { leaseHold, leaseRelease } from "./scripts.js";

/** The lease: one hash, in the slot of the key ring, which compares with its fencing number. */
export function createRedisLease(needs: { redis: RedisCaller; keys: RedisKeys; now: ScriptNow }): Lease {
  const { redis, keys, now } = needs;
  return {
    async hold(holder, ttlMs) {
      const fence = await redis.run(leaseHold, [keys.lease], [holder, ttlMs, now()]);
      return fence === null ? undefined : Number(fence);
    },
    async release(holder) {
      await redis.run(leaseRelease, [keys.lease], [holder]);
    },
  };
}
