import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RedisSettings } from "../../src/config/config.js";
import type { LoggedRevocation } from "../../src/storage/revocation-log.js";
import type { Storage } from "../../src/storage/storage.js";
import { createRedisKeys } from "../../src/storage/redis/keys.js";
import { eventually } from "../support/eventually.js";
import { deployOnRedis, recordedLog, singleSettings } from "../support/redis-deployment.js";
import type { Deployment } from "../support/redis-deployment.js";
import { RedisProcess } from "../support/redis-process.js";
import { RecordingTable, aSession } from "./revocation-log.contract.js";
import { HOUR, MINUTE, wholeSecond } from "../../src/time/clock.js";

const inAnHour = (): number => wholeSecond(Date.now()) + HOUR;
let server: RedisProcess;
let settings: RedisSettings;
let deployment: Deployment;
let end: AbortController;

beforeEach(async () => {
  server = await RedisProcess.start();
  settings = singleSettings(server.url);
  deployment = deployOnRedis({ settings });
  end = new AbortController();
});

afterEach(async () => {
  end.abort();
  await deployment[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function aReplica(): Promise<{ storage: Storage; table: RecordingTable }> {
  const storage = await deployment.replica();
  const table = new RecordingTable({ clock: Date.now });
  void storage.revocations.follow(table, end.signal);
  await eventually("the log is read", () => table.ageMs() < 1000);
  return { storage, table };
}

async function lookBehind<T>(look: (redis: ReturnType<RedisProcess["connect"]>) => Promise<T>): Promise<T> {
  const redis = server.connect();
  try {
    return await look(redis);
  } finally {
    redis.disconnect();
  }
}

const logKey = (): string => createRedisKeys(settings.prefix).revocations;

// SECURITY.md: "A revocation ends the session everywhere".
describe("replicas heal the log", () => {
  test("a Redis that came back empty gets again what replicas hold: one that starts afterwards knows it all", async () => {
    const [one, other] = [await aReplica(), await aReplica()];
    const revocations = Array.from({ length: 1200 }, () => aSession(inAnHour()));
    await Promise.all(revocations.map((revocation) => one.storage.revocations.publish(revocation, "c")));
    await one.storage.revocations.publish(
      { kind: "client", clientId: "gone", notBefore: 0, expiresAt: inAnHour() },
      "operator",
    );
    await eventually("both hold all", () => [one, other].every(({ table }) => [...table.inForce()].length === 1201));
    const [stamp] = [...one.table.inForce()].filter(({ kind }) => kind === "client");

    await server.kill();
    await server.restart();
    await eventually("the log is whole", async () => (await lookBehind((redis) => redis.xlen(logKey()))) >= 1201);
    await sleep(600);
    const late = await aReplica();
    expect(revocations.every((revocation) => late.table.holds(revocation))).toBe(true);
    expect([...late.table.inForce()]).toContainEqual(stamp);
    const length = await lookBehind((redis) => redis.xlen(logKey()));
    expect(length, "two replicas at once append at most twice").toBeLessThanOrEqual(2402);
    expect(new Set([one, other, late].map(({ table }) => table.cursors.at(-1)?.split(".")[0])).size).toBe(1);
  });

  test("a Redis restored from an older snapshot gets its lost tail again, and what was revoked stays revoked", async () => {
    const { storage, table } = await aReplica();
    const early = aSession(inAnHour());
    await storage.revocations.publish(early, "c");
    await lookBehind((redis) => redis.save());
    const late = aSession(inAnHour());
    await storage.revocations.publish(late, "c");
    const epoch = table.cursors.at(-1)?.split(".")[0];

    await server.kill();
    await server.restart();
    await eventually("the tail is back", async () => (await lookBehind((redis) => redis.xlen(logKey()))) === 2);
    const other = await aReplica();
    expect([early, late].every((revocation) => other.table.holds(revocation))).toBe(true);
    expect(other.table.cursors.at(-1)?.split(".")[0], "the log's epoch was not lost").toBe(epoch);
  });

  test("a log that was deleted under a running server is noticed within two heartbeats and written again", async () => {
    const { storage, table } = await aReplica();
    const revocation = aSession(inAnHour());
    await storage.revocations.publish(revocation, "c");
    const epoch = table.cursors.at(-1)?.split(".")[0];
    await lookBehind((redis) => redis.flushall());
    await eventually("it is back", async () => (await lookBehind((redis) => redis.xlen(logKey()))) === 1, 3000);
    await eventually("the view is of the new log", () => table.cursors.at(-1)?.split(".")[0] !== epoch);
  });
});

describe("the log stays small", () => {
  test("entries past their end are removed, also behind one in force; one in force never is", async () => {
    let now = Date.now();
    const timed = deployOnRedis({ settings, clock: () => now });
    const storage = await timed.replica();
    const table = new RecordingTable({ clock: () => now });
    const begun = wholeSecond(now);
    const long = aSession(begun + 2 * HOUR);
    await storage.revocations.publish(long, "c");
    const short = Array.from({ length: 700 }, () => aSession(begun + MINUTE));
    await Promise.all(short.map((revocation) => storage.revocations.publish(revocation, "c")));
    now += 119_000;
    void storage.revocations.follow(table, end.signal);
    await sleep(1200);
    expect(await lookBehind((redis) => redis.xlen(logKey())), "a minute's slack").toBe(701);
    now += 2000;
    await eventually("they are removed", async () => (await lookBehind((redis) => redis.xlen(logKey()))) === 1);
    expect(table.holds(long)).toBe(true);
    await timed[Symbol.asyncDispose]();
  });
});

test("a revocation that the view cannot take is reported, and those after it are obeyed", async () => {
  const log = recordedLog();
  await using alone = deployOnRedis({ settings, log });
  const storage = await alone.replica();
  const [poison, other] = [aSession(inAnHour()), aSession(inAnHour())];
  const table = new (class extends RecordingTable {
    override apply(event: LoggedRevocation): boolean {
      if (isDeepStrictEqual(event.revocation, poison)) throw new TypeError("by our own fault");
      return super.apply(event);
    }
  })({ clock: Date.now });
  void storage.revocations.follow(table, end.signal);
  await eventually("the log is read", () => table.ageMs() < 1000);
  for (const revocation of [poison, other]) await storage.revocations.publish(revocation, "c");
  expect(table.holds(other)).toBe(true);
  expect(log.lines.filter((line) => line.startsWith("fault"))).toEqual([
    'fault in store {"error":"TypeError: by our own fault"}',
  ]);
  expect(table.ageMs()).toBeLessThan(10_000);
});

test("an entry that a later version wrote is passed over", async () => {
  const { storage, table } = await aReplica();
  await lookBehind((redis) => redis.xadd(logKey(), "*", "r", "z9999999999 what"));
  const revocation = aSession(inAnHour());
  await storage.revocations.publish(revocation, "c");
  expect(table.holds(revocation)).toBe(true);
  expect(recordedLog().lines).toEqual([]);
});
