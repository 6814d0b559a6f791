import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Storage } from "../../src/storage/storage.js";
import { RevocationTable } from "../../src/revocations/table.js";
import { eventually } from "../support/eventually.js";
import { deployOnRedis, recordedLog, singleSettings } from "../support/redis-deployment.js";
import type { Deployment } from "../support/redis-deployment.js";
import { RedisProcess } from "../support/redis-process.js";
import { aSession } from "./revocation-log.contract.js";
import { fairNow } from "../support/fair-time.js";
import { HOUR, wholeSecond } from "../../src/time/clock.js";

const inAnHour = (): number => wholeSecond(Date.now()) + HOUR;
let server: RedisProcess;
let deployment: Deployment;
let storage: Storage;
let table: RevocationTable;
const log = recordedLog();
const end = new AbortController();

beforeAll(async () => {
  server = await RedisProcess.start();
  deployment = deployOnRedis({ settings: singleSettings(server.url), log, hasRealDeadline: true });
  storage = await deployment.replica();
  table = new RevocationTable({ clock: Date.now });
  void storage.revocations.follow(table, end.signal);
  await eventually("the log is read", () => table.ageMs() < 1000);
});

afterAll(async () => {
  end.abort();
  await deployment[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** Every port that needs the store. */
const calls: Record<string, () => Promise<unknown>> = {
  "families.create": () =>
    storage.families.create({
      id: "f",
      clientId: "c",
      sessionId: "s",
      endsAt: Date.now() + 1e6,
      grant: "{}",
      mac: "m",
    }),
  "families.rotate": () => storage.families.rotate({ familyId: "f", generation: 0, clientId: "c" }),
  "families.find": () => storage.families.find("f"),
  "families.revoke": () => storage.families.revoke("g"),
  "revocations.publish": () => storage.revocations.publish(aSession(inAnHour()), "c"),
  "keyRing.read": () => storage.keyRing.read(),
  "keyRing.replace": () => storage.keyRing.replace(99, { version: 100, sealed: "x" }),
  "lease.hold": () => storage.lease.hold("holder", 10),
  "lease.release": () => storage.lease.release("holder"),
  "replays.use": () => storage.replays.use(crypto.randomUUID(), "grant", Date.now() + 1000),
};

async function expectAllUnavailable(): Promise<void> {
  await Promise.all(
    Object.entries(calls).map(async ([name, call]) => {
      const begunAt = fairNow();
      const refusal = await call().catch((error: unknown) => error);
      expect(refusal, name).toMatchObject({ code: "temporarily_unavailable", retryAfterSeconds: 1 });
      expect(fairNow() - begunAt, name).toBeLessThan(300);
    }),
  );
}

async function expectAllBackWithin(ms: number): Promise<void> {
  const begunAt = fairNow();
  for (const [name, call] of Object.entries(calls)) {
    const works = (): Promise<boolean> =>
      call().then(
        () => true,
        () => false,
      );
    await eventually(`${name} works again`, works, ms);
  }
  await eventually("the view is complete", () => table.ageMs() < 1000, ms);
  expect(fairNow() - begunAt).toBeLessThan(ms);
  expect(storage.health().state).toBe("up");
}

describe("when Redis is away", () => {
  test("frozen: every call fails within 300 ms, the view says how old it is, and all works within 3 s of its return", async () => {
    await calls["families.create"]?.();
    const known = aSession(inAnHour());
    await storage.revocations.publish(known, "c");
    server.freeze();
    for (let round = 0; round < 8; round += 1) {
      await expectAllUnavailable();
      await sleep(250);
    }
    expect(storage.health().state).toBe("down");
    expect(table.ageMs()).toBeGreaterThan(1500);
    expect(table.holds(known), "checks go on with the last known table").toBe(true);
    server.thaw();
    await expectAllBackWithin(3000);
  });

  test("killed and restarted empty: every call fails at once, then works again within 3 s", async () => {
    await server.kill();
    await expectAllUnavailable();
    await sleep(1500);
    await expectAllUnavailable();
    await server.restart();
    await expectAllBackWithin(3000);
  });

  test("a replica starts without it, and has it once it is there", async () => {
    await server.kill();
    const late = await deployment.replica();
    expect(late.health()).toMatchObject({ state: "down", warnings: [] });
    const lateTable = new RevocationTable({ clock: Date.now });
    void late.revocations.follow(lateTable, end.signal);
    expect(lateTable.ageMs()).toBe(Infinity);
    await server.restart();
    await eventually("it has read the log", () => lateTable.ageMs() < 1000, 3000);
  });

  test("it is logged once each time, without anything that was sent", () => {
    const away = log.lines.filter((line) => line.startsWith("redis is away"));
    expect(away.length).toBeGreaterThanOrEqual(2);
    expect(away.length).toBeLessThan(12);
    expect(log.lines.join("\n")).not.toContain("holder");
  });
});
