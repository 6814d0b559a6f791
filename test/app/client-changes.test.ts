import { randomBytes } from "node:crypto";
import { describe, expect, inject, test } from "vitest";
import { revocationsOfChange } from "../../src/app/client-changes.js";
import { clientSet } from "../../src/clients/client-registry.js";
import { createEventualRevocation } from "../../src/revocations/eventual.js";
import { RevocationTable } from "../../src/revocations/table.js";
import type { Client } from "../../src/clients/client.js";
import type { WorkloadRule } from "../../src/clients/workload-rule.js";
import { IDP, client } from "../support/core.js";
import { workloadRule } from "../support/workload-rule.js";
import { eventually } from "../support/eventually.js";
import { type Deployment, deployInMemory, deployOnRedis, singleSettings } from "../support/redis-deployment.js";
import { HOUR, MINUTE } from "../../src/time/clock.js";

const NOW = 1_800_000_000_000;
const changed = (before: Parameters<typeof clientSet>[0], after: Parameters<typeof clientSet>[0]) =>
  revocationsOfChange(
    clientSet(before),
    clientSet(after),
    { lastSessionEnd: () => NOW + HOUR },
    { latestStart: () => 0 },
  );

// SECURITY.md: "Nothing of a revoked client or key lives on".
describe("a change of clients", () => {
  test("revokes clients that are gone or newly disabled, for as long as a session of theirs could last", () => {
    const revocations = changed(
      [client("gone"), client("off"), client("stays")],
      [client("off", { disabled: true }), client("stays"), client("new")],
    );
    expect(revocations).toEqual(
      ["gone", "off"].map((clientId) => ({ kind: "client", clientId, notBefore: 0, expiresAt: expect.any(Number) })),
    );
    for (const { expiresAt } of revocations) expect(expiresAt).toBe(NOW + HOUR);
  });

  test("revokes nothing for clients that were disabled before, or are enabled again", () => {
    expect(changed([client("off", { disabled: true })], [])).toEqual([]);
    expect(changed([client("off", { disabled: true })], [client("off")])).toEqual([]);
  });
});

describe("a change of workload rules", () => {
  const ORDERS = "system:serviceaccount:shop:orders";
  const rules = (before: readonly WorkloadRule[], after: readonly WorkloadRule[], clients: readonly Client[] = []) =>
    revocationsOfChange(
      clientSet([], before),
      clientSet(clients, after),
      { lastSessionEnd: () => NOW + HOUR },
      { latestStart: () => 0 },
    );
  const revoked = [{ kind: "client_prefix", prefix: "shop/", notBefore: 0, expiresAt: NOW + HOUR }];

  test.each<[string, readonly WorkloadRule[]]>([
    ["is gone", []],
    ["is disabled", [workloadRule({}, { disabled: true })]],
    ["excepts more", [workloadRule({ except: [ORDERS] })]],
    ["excepts less", [workloadRule({ subject: "system:serviceaccount:web:*" })]],
    ["has another condition", [workloadRule({ claims: { owner: "1" } })]],
    ["has another prefix", [workloadRule({ prefix: "store/" })]],
  ])("revokes the clients of a rule that %s", (_, after) => {
    expect(rules([workloadRule()], after)).toEqual(revoked);
  });

  test("revokes nothing where a rule is renamed, has another record, or is new", () => {
    const after = [workloadRule({ name: "renamed" }, { accessTtlMs: MINUTE }), workloadRule({ prefix: "b/" })];
    expect(rules([workloadRule()], after)).toEqual([]);
    expect(rules([workloadRule({}, { disabled: true })], [])).toEqual([]);
  });

  test("revokes the derived client of a workload that is registered since", () => {
    const registered = client("orders", { federated: [{ issuer: IDP, subject: ORDERS }] });
    expect(rules([workloadRule()], [workloadRule()], [registered])).toMatchObject([
      { kind: "client", clientId: "shop/orders" },
    ]);
  });
});

describe("removing more clients at once than one of them may have revocations in force", () => {
  const kinds: [string, () => Deployment][] = [
    ["memory", () => deployInMemory(Date.now)],
    ["Redis", () => deployOnRedis({ settings: singleSettings(inject("redisUrl")) })],
  ];
  test.each(kinds)("revokes every one, in %s", { timeout: 60_000 }, async (_, deploy) => {
    await using deployment = deploy();
    const storage = await deployment.replica();
    const table = new RevocationTable({ clock: () => storage.now() });
    const end = new AbortController();
    const following = storage.revocations.follow(table, end.signal);
    await eventually("the log is read", () => table.ageMs() < Infinity);
    const failures: unknown[] = [];
    const revoke = createEventualRevocation({
      log: storage.revocations,
      delay: () => Promise.resolve(),
      signal: end.signal,
      onFailure: (error) => failures.push(error),
    });
    const prefix = randomBytes(4).toString("hex");
    const gone = Array.from({ length: 10_100 }, (__, at) => client(`${prefix}-${at}`));
    for (const revocation of revocationsOfChange(clientSet(gone), clientSet([]), storage.revocations, table)) {
      revoke(revocation, undefined);
    }
    await eventually("all are revoked", () => table.size === gone.length, 50_000);
    expect(failures).toEqual([]);
    expect(gone.every(({ id }) => table.notBefore(id, id, []) > 0)).toBe(true);
    end.abort();
    await following;
  });
});
