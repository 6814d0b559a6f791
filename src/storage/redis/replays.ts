import { MINUTE, SECOND } from "../../time/clock.js";
import type { Clock } from "../../time/clock.js";
import type { Replays } from "../replays.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";

/** Replicas' and callers' clocks differ: an id is remembered for longer than the assertion is good. */
const TTL_SLACK_MS = MINUTE;

/**
 * One key for each id, set if absent. A call that timed out may have been done: its repeat is then refused, which a
 * one-time id must be.
 */
export function createRedisReplays(needs: { redis: RedisCaller; keys: RedisKeys; clock: Clock }): Replays {
  const { redis, keys, clock } = needs;
  return {
    async firstUse(id, expiresAt) {
      const ttlMs = Math.ceil(Math.max(expiresAt - clock(), SECOND)) + TTL_SLACK_MS;
      const reply = await redis.call((link) => link.set(keys.replay(id), "", "PX", ttlMs, "NX"));
      return reply === "OK";
    },
  };
}
