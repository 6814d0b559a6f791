import { afterAll, beforeAll, describe, test } from "vitest";
import { createRedisKeys } from "../../../src/storage/redis/keys.js";
import type { Storage } from "../../../src/storage/storage.js";
import { eventually } from "../../support/eventually.js";
import { deployOnRedis, sentinelTopology, singleSettings } from "../../support/redis-deployment.js";
import type { Deployment } from "../../support/redis-deployment.js";
import { type RedisTls, makeRedisTls, noRedisTls } from "../../support/redis-tls.js";
import { startSentinels } from "../../support/redis-topologies.js";
import type { SentinelSetup } from "../../support/redis-topologies.js";
import { RecordingTable, aSession } from "../revocation-log.contract.js";
import { HOUR, wholeSecond } from "../../../src/time/clock.js";

const inAnHour = (): number => wholeSecond(Date.now()) + HOUR;

describe("with Sentinels, in clear", () => keepsItsPromises());
const reason = noRedisTls();
describe.skipIf(reason !== "")(`with Sentinels, over TLS${reason}`, () => keepsItsPromises(makeRedisTls));

function keepsItsPromises(makeTls?: () => RedisTls): void {
  let tls: RedisTls | undefined;
  let sentinels: SentinelSetup;
  let deployment: Deployment;
  let storage: Storage;
  let table: RecordingTable;
  const end = new AbortController();

  beforeAll(async () => {
    tls = makeTls?.();
    sentinels = await startSentinels(tls);
    const topology = sentinelTopology({ ...sentinels, tls });
    deployment = deployOnRedis({
      settings: singleSettings("", { topology, prefix: "sentinel", tls }),
      hasRealDeadline: true,
    });
    storage = await deployment.replica();
    table = new RecordingTable({ clock: Date.now });
    void storage.revocations.follow(table, end.signal);
    await eventually("the log is read", () => table.ageMs() < 1000);
  });

  afterAll(async () => {
    end.abort();
    await deployment[Symbol.asyncDispose]();
    await sentinels[Symbol.asyncDispose]();
    tls?.[Symbol.dispose]();
  });

  const works = (): Promise<boolean> =>
    storage.revocations.publish(aSession(inAnHour()), "c").then(
      () => true,
      () => false,
    );

  test("a revocation that the new master never got is appended again: what was revoked stays revoked", async () => {
    const before = await sentinels.present();
    await storage.revocations.publish(aSession(inAnHour()), "c");
    // As if the replica had been promoted just before this write reached it.
    const master = before.connect();
    const lost = aSession(inAnHour());
    await storage.revocations.publish(lost, "c");
    await master.xdel(createRedisKeys("sentinel").revocations, await lastIdOf(table));
    master.disconnect();

    await sentinels.failover();
    await eventually("the new master takes writes", works, 3000);
    const other = await deployment.replica();
    const otherTable = new RecordingTable({ clock: Date.now });
    void other.revocations.follow(otherTable, end.signal);
    await eventually("a replica that starts later knows it", () => otherTable.holds(lost), 5000);
  });

  test("a master that was killed is replaced within seconds, and the view is complete again", async () => {
    const killed = await sentinels.present();
    const look = killed.connect();
    const hasReplica = async (): Promise<boolean> => (await look.info("replication")).includes("state=online");
    await eventually("there is a replica to promote", hasReplica, 12_000);
    look.disconnect();
    await killed.kill();
    await eventually("writes work again", works, 8000);
    await eventually("the view is complete", () => table.ageMs() < 1000);
    // The Sentinel that led the failover knows it first; the one that is asked here hears of it within a second or two.
    await eventually("the Sentinel that is asked knows", async () => (await sentinels.present()) !== killed, 5000);
  });
}

async function lastIdOf({ applied }: RecordingTable): Promise<string> {
  return applied.at(-1)?.cursor.split(".")[1] ?? "";
}
