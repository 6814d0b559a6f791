import { Redis } from "ioredis";
import fc from "fast-check";
import { describe, expect, inject, test } from "vitest";
import { createMemoryStorage } from "../../src/storage/memory/memory-storage.js";
import { createRedisStorage } from "../../src/storage/redis/redis-storage.js";
import { POLICY, REVOCATION_MAC, recordedLog, singleSettings } from "../support/redis-deployment.js";
import { runHistory } from "./history.js";
import { KNOWN_HISTORIES } from "./known-histories.js";
import { anyStep } from "./steps.js";
import type { SharedState } from "./world.js";
import { SECOND } from "../../src/time/clock.js";

/** Many more by `ICEMINT_HISTORIES=1000`. */
const RUNS = Number(process.env["ICEMINT_HISTORIES"] ?? 0);

const inMemory = async (): Promise<SharedState> => ({
  replicas: 1,
  open: async ({ clock, sessionTtl }) =>
    createMemoryStorage({ clock, familyPolicy: POLICY, sessionTtlMs: sessionTtl * SECOND }),
  loseWrites: async () => {},
  close: async () => {},
});

const onRedis = async (): Promise<SharedState> => {
  const settings = singleSettings(inject("redisUrl"));
  const redis = new Redis(inject("redisUrl"), { protocol: 2 });
  const key = (name: string): string => `${settings.prefix}:1:{revocations}:${name}`;
  return {
    replicas: 2,
    open: ({ clock, trueClock, sessionTtl }) =>
      createRedisStorage({
        settings,
        clock,
        scriptNow: trueClock,
        familyPolicy: POLICY,
        sessionTtlMs: sessionTtl * SECOND,
        log: recordedLog(),
        revocationMac: REVOCATION_MAC,
        deadlineMs: 5000,
        beatMs: 20,
      }),
    async loseWrites() {
      const kept = (await redis.xrange(key("log"), "-", "+")).slice(0, -3);
      const lost = redis.multi().del(key("log"), key("state"));
      for (const [id, fields] of kept) lost.xadd(key("log"), id, ...fields);
      await lost.exec();
    },
    async close() {
      const keys = await redis.keys(`${settings.prefix}:*`);
      if (keys.length > 0) await redis.del(...keys);
      redis.disconnect();
    },
  };
};

async function holds(open: () => Promise<SharedState>, runs: number): Promise<void> {
  // Without a size, arrays stay short.
  const histories = fc.array(anyStep, { minLength: 4, maxLength: 24, size: "max" });
  await fc.assert(
    fc.asyncProperty(histories, async (steps) => {
      expect(await runHistory(await open(), steps)).toEqual([]);
    }),
    { numRuns: RUNS || runs, ...(process.env["ICEMINT_SEED"] && { seed: Number(process.env["ICEMINT_SEED"]) }) },
  );
}

const stores: [string, () => Promise<SharedState>, number][] = [
  ["in memory", inMemory, 60],
  ["on Redis, with two replicas", onRedis, 3],
];

// SECURITY.md: "A revocation ends the session everywhere".
describe.each(stores)("what must be dead is dead on every replica, and what must live lives, %s", (_, open, runs) => {
  test.each(Object.entries(KNOWN_HISTORIES))("where it takes: %s", async (__, steps) => {
    expect(await runHistory(await open(), steps)).toEqual([]);
  });

  test("under any history", { timeout: 60_000 + RUNS * 5000 }, () => holds(open, runs));
});
