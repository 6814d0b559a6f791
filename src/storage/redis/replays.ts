import { MINUTE, SECOND } from "../../time/clock.js";
import type { Clock } from "../../time/clock.js";
import type { ReplayPurpose, Replays } from "../replays.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";

/** Replicas' and callers' clocks differ: an id is remembered for longer than the assertion is good. */
const TTL_SLACK_MS = MINUTE;

/** What the key holds. Nothing stands for authentication: releases that knew no other purpose wrote nothing. */
const MARKS: Readonly<Record<ReplayPurpose, string>> = { authentication: "", grant: "g" };

/**
 * One key for each id, set if absent. A call that timed out may have been done: its repeat is then refused, which a
 * one-time id must be.
 */
export function createRedisReplays(needs: { redis: RedisCaller; keys: RedisKeys; clock: Clock }): Replays {
  const { redis, keys, clock } = needs;
  return {
    async use(id, purpose, expiresAt) {
      const ttlMs = Math.ceil(Math.max(expiresAt - clock(), SECOND)) + TTL_SLACK_MS;
      const [key, mark] = [keys.replay(id), MARKS[purpose]];
      const set = await redis.call((link) => link.set(key, mark, "PX", ttlMs, "NX"));
      if (set === "OK") return "first";
      // A key that has gone since then was of an assertion that has expired.
      const known = await redis.call((link) => link.get(key));
      return known === null || known === mark ? "repeated" : "used_otherwise";
    },
  };
}
