import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { createRedisKeys } from "../../src/storage/redis/keys.js";
import { checkRedis } from "../../src/storage/redis/redis-checks.js";
import { eventually } from "../support/eventually.js";
import { deployOnRedis, recordedLog, singleSettings } from "../support/redis-deployment.js";
import type { Deployment } from "../support/redis-deployment.js";
import { RedisProcess } from "../support/redis-process.js";
import { wholeSecond } from "../../src/time/clock.js";

let deployment: Deployment;
let end: AbortController;

beforeEach(() => {
  deployment = deployOnRedis({ settings: singleSettings(inject("redisUrl")) });
  end = new AbortController();
});

afterEach(async () => {
  end.abort();
  await deployment[Symbol.asyncDispose]();
});

describe("failures", () => {
  test("other replicas hear of them within seconds, and nobody of its own", async () => {
    const [one, other] = [await deployment.replica(), await deployment.replica()];
    const heard = { one: new Map<string, number>(), other: new Map<string, number>() };
    const note = (counts: Map<string, number>) => (key: string, count: number) =>
      void counts.set(key, (counts.get(key) ?? 0) + count);
    one.failedLogins.follow(note(heard.one), end.signal);
    other.failedLogins.follow(note(heard.other), end.signal);
    await sleep(100);
    for (let failure = 0; failure < 7; failure += 1) one.failedLogins.spend("spark 10.0.0.1");
    one.failedLogins.spend("x".repeat(513));
    await eventually("the other has heard", () => heard.other.get("spark 10.0.0.1") === 7);
    expect(heard.other.size).toBe(1);
    expect(heard.one.size).toBe(0);
  });

  test("a flood of keys stays bounded", async () => {
    const [one, other] = [await deployment.replica(), await deployment.replica()];
    const keys = new Set<string>();
    other.failedLogins.follow((key) => void keys.add(key), end.signal);
    await sleep(100);
    for (let key = 0; key < 5000; key += 1) one.failedLogins.spend(`client-${key}`);
    await eventually("some were heard", () => keys.size > 0);
    await sleep(600);
    expect(keys.size).toBe(1000);
  });
});

test("a replica learns within a second that another replaced the key ring, and not of its own replacement", async () => {
  const [one, other] = [await deployment.replica(), await deployment.replica()];
  let changes = { one: 0, other: 0 };
  one.keyRing.watch(() => (changes = { ...changes, one: changes.one + 1 }), end.signal);
  other.keyRing.watch(() => (changes = { ...changes, other: changes.other + 1 }), end.signal);
  await one.keyRing.replace(0, { version: 1, sealed: "ring" });
  await eventually("the other knows", () => changes.other === 1, 1500);
  await sleep(600);
  expect(changes).toEqual({ one: 0, other: 1 });
});

describe("keys", () => {
  const keys = createRedisKeys("p");
  const slotTag = (key: string): string | undefined => /\{([^}]+)\}/.exec(key)?.[1];

  test("keys that one script touches share a hash tag", () => {
    expect(slotTag(keys.ring)).toBe(slotTag(keys.lease));
    expect(slotTag(keys.revocationsState)).toBe(slotTag(keys.revocations));
    expect(slotTag(keys.revocationQuota("spark"))).toBe(slotTag(keys.revocations));
  });

  test("what a caller can choose is in a key as a digest only", () => {
    const chosen = "}{*\n' secret";
    for (const key of [keys.replay(chosen), keys.revocationQuota(chosen)]) {
      expect(key).toMatch(/^p:1:[\w{}:-]+$/);
      expect(key).not.toContain("secret");
    }
  });

  test("every key of families, replays, quotas and failures has a TTL", async () => {
    const settings = singleSettings(inject("redisUrl"));
    await using own = deployOnRedis({ settings });
    const storage = await own.replica();
    const endsAt = Date.now() + 60_000;
    await storage.families.create({ id: "f", clientId: "c", sessionId: "s", endsAt, grant: "{}", mac: "m" });
    await storage.families.create({ id: "g", clientId: "c", sessionId: "s", endsAt, grant: "{}", mac: "m" });
    await storage.families.revoke("g");
    await storage.replays.use("jti", "authentication", endsAt);
    const expiresAt = wholeSecond(endsAt);
    await storage.revocations.publish({ kind: "key", kid: "k", expiresAt }, "c");
    storage.failedLogins.spend("c 10.0.0.1");
    const look = new Redis(inject("redisUrl"), { protocol: 2 });
    const find = (): Promise<string[]> => look.keys(`${settings.prefix}:*`);
    await eventually("the failure is stored", async () => (await find()).some((key) => key.includes("failures")));
    const lives = await Promise.all((await find()).map(async (key) => ({ key, ttlMs: await look.pttl(key) })));
    look.disconnect();
    expect(lives).toHaveLength(6);
    for (const { key, ttlMs } of lives) {
      if (key.endsWith("{revocations}:log")) expect(ttlMs, "entries are removed one by one").toBe(-1);
      else expect(ttlMs, key).toBeGreaterThan(59_000);
    }
    const families = lives.filter(({ key }) => key.includes(":family:"));
    for (const { ttlMs } of families) expect(ttlMs, "the session's end and a minute").toBeLessThanOrEqual(120_000);
  });
});

describe("checks at start", () => {
  test("a Redis that may evict, keeps nothing and is nearly full is warned of, in the log and in the health", async () => {
    await using server = await RedisProcess.start({ config: ["maxmemory-policy", "allkeys-lru"] });
    const look = server.connect();
    await look.set("filler", "x".repeat(8_000_000));
    const used = Number(/used_memory:(\d+)/.exec(await look.info("memory"))?.[1]);
    await look.config("SET", "maxmemory", Math.floor(used / 0.9));
    const log = recordedLog();
    await using own = deployOnRedis({ settings: singleSettings(server.url), log });
    const { warnings } = (await own.replica()).health();
    look.disconnect();
    expect(warnings.map((text) => /noeviction|80 %|nothing on disk/.exec(text)?.[0])).toEqual([
      "noeviction",
      "80 %",
      "nothing on disk",
    ]);
    expect(log.lines.filter((line) => line.startsWith("the state in redis is at risk"))).toHaveLength(3);
  });

  test.each([
    ["an append-only file", ["appendonly", "yes"]],
    ["snapshots", ["save", "60 1"]],
  ])("a Redis with noeviction and %s gives no warning", async (_, config) => {
    await using server = await RedisProcess.start({ config });
    const link = server.connect();
    expect(await checkRedis(link)).toEqual({ warnings: [], memoryUsed: undefined });
    link.disconnect();
  });
});
