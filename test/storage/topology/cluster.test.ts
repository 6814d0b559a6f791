import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRedisKeys } from "../../../src/storage/redis/keys.js";
import { RevocationTable } from "../../../src/revocations/table.js";
import { eventually } from "../../support/eventually.js";
import { deployOnRedis, singleSettings } from "../../support/redis-deployment.js";
import { type RedisTls, makeRedisTls, noRedisTls } from "../../support/redis-tls.js";
import { startCluster } from "../../support/redis-topologies.js";
import type { ClusterSetup } from "../../support/redis-topologies.js";
import { refreshFamiliesContract } from "../refresh-families.contract.js";
import { aSession, revocationLogContract } from "../revocation-log.contract.js";
import { smallPortsContract } from "../small-ports.contract.js";
import { HOUR, wholeSecond } from "../../../src/time/clock.js";

describe("on a cluster, in clear", () => keepsItsPromises());
const reason = noRedisTls();
describe.skipIf(reason !== "")(`on a cluster, over TLS${reason}`, () => keepsItsPromises(makeRedisTls));

function keepsItsPromises(makeTls?: () => RedisTls): void {
  let tls: RedisTls | undefined;
  let cluster: ClusterSetup;

  beforeAll(async () => {
    tls = makeTls?.();
    cluster = await startCluster(tls);
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    tls?.[Symbol.dispose]();
  });

  const settings = () => singleSettings("", { topology: { kind: "cluster", hosts: cluster.hosts }, tls });
  const deploy = (clock: () => number) => deployOnRedis({ settings: settings(), clock });
  refreshFamiliesContract(deploy);
  revocationLogContract(deploy);
  smallPortsContract(deploy);

  test("a slot that moves to another node takes its revocations and families along; followers go on", async () => {
    const own = settings();
    await using deployment = deployOnRedis({ settings: own });
    const storage = await deployment.replica();
    const table = new RevocationTable({ clock: Date.now });
    const end = new AbortController();
    void storage.revocations.follow(table, end.signal);
    await eventually("the log is read", () => table.ageMs() < 1000);
    const expiresAt = wholeSecond(Date.now()) + HOUR;
    const family = { id: "f", clientId: "c", sessionId: "s", endsAt: Date.now() + 1e6, grant: "{}", mac: "m" };
    const [before, after] = [aSession(expiresAt), aSession(expiresAt)];
    await storage.families.create(family);
    await storage.revocations.publish(before, "c");

    const keys = createRedisKeys(own.prefix);
    await cluster.moveSlotOf(keys.revocations);
    await cluster.moveSlotOf(keys.family("f"));

    await storage.revocations.publish(after, "c");
    await eventually("followers go on", () => table.holds(after), 3000);
    await eventually("the view is complete", () => table.ageMs() < 1000, 3000);
    const use = { familyId: "f", generation: 0, clientId: "c" };
    expect(await storage.families.rotate(use)).toMatchObject({ outcome: "rotated" });
    const late = new RevocationTable({ clock: Date.now });
    void (await deployment.replica()).revocations.follow(late, end.signal);
    await eventually("a replica that starts later knows both", () => late.holds(before) && late.holds(after), 3000);
    end.abort();
  });
}
