import { randomBytes } from "node:crypto";
import { describe, expect, inject, test } from "vitest";
import { revocationsOfChange } from "../../src/app/client-changes.js";
import { clientSet } from "../../src/clients/client-registry.js";
import { createEventualRevocation } from "../../src/revocations/eventual.js";
import { RevocationTable } from "../../src/revocations/table.js";
import { client } from "../support/core.js";
import { eventually } from "../support/eventually.js";
import { type Deployment, deployInMemory, deployOnRedis, singleSettings } from "../support/redis-deployment.js";

const NOW = 1_800_000_000;
const changed = (before: Parameters<typeof clientSet>[0], after: Parameters<typeof clientSet>[0]) =>
  revocationsOfChange(
    clientSet(before),
    clientSet(after),
    { lastSessionEnd: () => NOW + 3600 },
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
    for (const { expiresAt } of revocations) expect(expiresAt).toBe(NOW + 3600);
  });

  test("revokes nothing for clients that were disabled before, or are enabled again", () => {
    expect(changed([client("off", { disabled: true })], [])).toEqual([]);
    expect(changed([client("off", { disabled: true })], [client("off")])).toEqual([]);
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
