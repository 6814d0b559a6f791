import { afterAll, beforeAll, expect, test } from "vitest";
import { createRedisKeys } from "../../src/storage/redis/keys.js";
import { RevocationTable } from "../../src/revocations/table.js";
import { eventually } from "../support/eventually.js";
import { deployOnRedis, recordedLog, singleSettings } from "../support/redis-deployment.js";
import type { Redis } from "ioredis";
import { RedisProcess } from "../support/redis-process.js";
import { aSession } from "./revocation-log.contract.js";
import { HOUR, wholeSecond } from "../../src/time/clock.js";

const inAnHour = (): number => wholeSecond(Date.now()) + HOUR;
let server: RedisProcess;
let admin: Redis;

beforeAll(async () => {
  server = await RedisProcess.start();
  admin = server.connect();
});

afterAll(async () => {
  admin.disconnect();
  await server[Symbol.asyncDispose]();
});

const fill = (): Promise<unknown> => admin.config("SET", "maxmemory", "100kb");
const giveRoom = (): Promise<unknown> => admin.config("SET", "maxmemory", "0");

test("while Redis is full, revocations are followed, replicas start, and it is said once", async () => {
  const log = recordedLog();
  await using deployment = deployOnRedis({ settings: singleSettings(server.url), log });
  const storage = await deployment.replica();
  const end = new AbortController();
  const table = new RevocationTable({ clock: Date.now });
  void storage.revocations.follow(table, end.signal);
  const known = aSession(inAnHour());
  await eventually("the log is read", () => table.ageMs() < 1000);
  await storage.revocations.publish(known, "c");

  await fill();
  await expect(storage.revocations.publish(aSession(inAnHour()), "c")).rejects.toMatchObject({
    code: "temporarily_unavailable",
  });
  const health = storage.health();
  expect(health.state).toBe("up");
  expect(health.trouble?.kind).toBe("full");
  expect(health.trouble?.reason).toContain("OOM command not allowed");
  const fullSince = Date.now();
  await eventually("heartbeats go on", () => Date.now() - fullSince > 2500 && table.ageMs() < 1500);

  const late = await deployment.replica();
  const lateTable = new RevocationTable({ clock: Date.now });
  void late.revocations.follow(lateTable, end.signal);
  await eventually("a replica that starts reads the log", () => lateTable.holds(known) && lateTable.ageMs() < 1000);
  await eventually("and finds out by itself", () => late.health().trouble?.kind === "full");
  expect(late.health().memoryUsed).toBeGreaterThan(1);

  await giveRoom();
  await eventually("it can revoke again", () =>
    storage.revocations.publish(aSession(inAnHour()), "c").then(() => true),
  );
  const said = log.lines.filter((line) => line.startsWith("redis ")).map((line) => line.split(" {")[0]);
  // Two replicas share the log.
  expect(said.filter((line) => line === "redis refuses a part of its work")).toHaveLength(2);
  expect(said).not.toContain("redis is away");
  end.abort();
});

test("the first replica on a full, empty Redis follows it; once there is room the log gets its name", async () => {
  await fill();
  const settings = singleSettings(server.url);
  const { revocationsState } = createRedisKeys(settings.prefix);
  await using deployment = deployOnRedis({ settings });
  const storage = await deployment.replica();
  const end = new AbortController();
  const table = new RevocationTable({ clock: Date.now });
  void storage.revocations.follow(table, end.signal);
  await eventually("the view is complete", () => table.ageMs() < 1000);
  expect(await admin.exists(revocationsState)).toBe(0);
  await giveRoom();
  await eventually("it is named", async () => (await admin.hget(revocationsState, "epoch")) !== null);
  const revoked = aSession(inAnHour());
  await storage.revocations.publish(revoked, "c");
  await eventually("it is followed", () => table.holds(revoked));
  end.abort();
});

test("what a full Redis has lost is appended as soon as there is room", async () => {
  const settings = singleSettings(server.url);
  const { revocations } = createRedisKeys(settings.prefix);
  await using deployment = deployOnRedis({ settings });
  const storage = await deployment.replica();
  const end = new AbortController();
  const table = new RevocationTable({ clock: Date.now });
  void storage.revocations.follow(table, end.signal);
  await eventually("the log is read", () => table.ageMs() < 1000);
  const lost = aSession(inAnHour());
  await storage.revocations.publish(lost, "c");
  await fill();
  await admin.del(revocations);
  await eventually("it notices, and its view stays complete", async () => {
    return table.ageMs() < 1000 && table.holds(lost) && storage.health().trouble?.kind === "full";
  });
  await giveRoom();
  await eventually("it is appended again", async () => (await admin.xlen(revocations)) === 1);
  end.abort();
});
