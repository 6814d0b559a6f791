import { Redis } from "ioredis";
import { afterAll, describe, expect, inject, test } from "vitest";
import { RevocationTable } from "../../src/revocations/table.js";
import { createRedisStorage } from "../../src/storage/redis/redis-storage.js";
import type { Storage } from "../../src/storage/storage.js";
import { eventually } from "../support/eventually.js";
import { POLICY, REVOCATION_MAC, recordedLog, singleSettings } from "../support/redis-deployment.js";
import { HOUR, SECOND } from "../../src/time/clock.js";

const START = 1_790_000_000_000;
const NOW = START;

/** Replicas on one Redis whose clocks and `session_ttl`s differ; `time` is Redis's. */
async function begin() {
  const settings = singleSettings(inject("redisUrl"));
  const time = { now: START };
  const end = new AbortController();
  const opened: Storage[] = [];
  const open = async ({ aheadMs = 0, sessionTtlMs = HOUR }) => {
    const storage = await createRedisStorage({
      settings,
      clock: () => time.now + aheadMs,
      scriptNow: () => time.now,
      familyPolicy: POLICY,
      sessionTtlMs,
      log: recordedLog(),
      revocationMac: REVOCATION_MAC,
      deadlineMs: 5000,
      beatMs: 20,
    });
    opened.push(storage);
    const table = new RevocationTable({ clock: () => storage.now() });
    const following = new AbortController();
    const followed = storage.revocations.follow(table, AbortSignal.any([following.signal, end.signal]));
    await eventually("the log is read", () => table.ageMs() < Infinity);
    const stop = async (): Promise<void> => {
      following.abort();
      await followed;
    };
    return { storage, table, stop };
  };
  return {
    time,
    open,
    state: `${settings.prefix}:1:{revocations}:state`,
    async [Symbol.asyncDispose]() {
      end.abort();
      await Promise.all(opened.map((storage) => storage.close()));
    },
  };
}

const redis = new Redis(inject("redisUrl"), { protocol: 2 });
afterAll(() => redis.disconnect());

describe("a revocation lasts as long as a session of any replica", () => {
  test("also where the replica that was asked has a shorter session_ttl", async () => {
    await using shared = await begin();
    await shared.open({ sessionTtlMs: 24 * HOUR });
    const { storage } = await shared.open({ sessionTtlMs: 10 * SECOND });
    expect(storage.revocations.lastSessionEnd()).toBe(NOW + 24 * HOUR + 5 * SECOND);
  });

  test("also after the last replica with the longer one is gone, as long as its sessions may live", async () => {
    await using shared = await begin();
    const former = await shared.open({ sessionTtlMs: 24 * HOUR });
    await former.stop();
    shared.time.now += 30 * HOUR;
    const { storage } = await shared.open({ sessionTtlMs: 10 * SECOND });
    // It had said so for a day: sessions of it may have begun until then.
    expect(storage.revocations.lastSessionEnd()).toBe(NOW + 48 * HOUR + 5 * SECOND);
    shared.time.now = START + 49 * HOUR;
    const later = await shared.open({ sessionTtlMs: 20 * SECOND });
    expect(later.storage.revocations.lastSessionEnd()).toBe(NOW + 49 * HOUR + 25 * SECOND);
    expect(Object.keys(await redis.hgetall(shared.state)).filter((field) => field.startsWith("ttl:"))).not.toContain(
      `ttl:${(24 * HOUR) / SECOND}`,
    );
  });

  test("also after Redis lost what the replicas had said", async () => {
    await using shared = await begin();
    await shared.open({ sessionTtlMs: 24 * HOUR });
    const { storage } = await shared.open({ sessionTtlMs: 10 * SECOND });
    await redis.hdel(shared.state, `ttl:${(24 * HOUR) / SECOND}`, "ttl:10");
    await eventually("both have said it again", async () => (await redis.hlen(shared.state)) >= 3);
    await eventually("both know", () => storage.revocations.lastSessionEnd() === NOW + 24 * HOUR + 5 * SECOND);
  });

  test("and no longer for what only a writer of Redis says", async () => {
    await using shared = await begin();
    const { storage } = await shared.open({ sessionTtlMs: 10 * SECOND });
    const nonsense = ["ttl:", "ttl:-1", "ttl:1e9", "ttl:x", "ttl:0", `ttl:${400 * 86_400}`];
    for (const field of nonsense) await redis.hset(shared.state, field, NOW / SECOND + 10);
    await redis.hset(shared.state, "ttl:20", "NaN", "ttl:30", `${NOW / SECOND + 1e9}`);
    await eventually("it is read", () => storage.revocations.lastSessionEnd() === NOW + 35 * SECOND);
  });
});

describe("a replica whose clock is off", () => {
  test.each([10_000, -10_000, 3_600_000])(
    "by %i ms knows it, and tells shared time like the others",
    async (aheadMs) => {
      await using shared = await begin();
      const { storage } = await shared.open({ aheadMs });
      expect(storage.clockOffsetMs()).toBe(aheadMs);
      expect(storage.now()).toBe(START);
      shared.time.now += 5000;
      expect(storage.now()).toBe(START + 5000);
    },
  );

  test("by less than a second corrects nothing: not-before instants are stamped two seconds ahead", async () => {
    await using shared = await begin();
    const { storage } = await shared.open({ aheadMs: 900 });
    expect([storage.clockOffsetMs(), storage.now()]).toEqual([900, START + 900]);
  });

  test("takes its view for as old as it is, and revocations for as long as they last", async () => {
    await using shared = await begin();
    const { storage, table } = await shared.open({ aheadMs: 3_600_000 });
    expect(table.ageMs()).toBe(0);
    const revocation = { kind: "session", sessionId: "s".repeat(21) + "A", expiresAt: NOW + 60 * SECOND } as const;
    await storage.revocations.publish(revocation, "etl");
    expect(table.holds(revocation)).toBe(true);
  });
});
