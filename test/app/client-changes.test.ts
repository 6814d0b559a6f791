import { describe, expect, test } from "vitest";
import { revocationsOfChange } from "../../src/app/client-changes.js";
import { clientSet } from "../../src/clients/client-registry.js";
import { client } from "../support/core.js";

const NOW = 1_800_000_000;
const changed = (before: Parameters<typeof clientSet>[0], after: Parameters<typeof clientSet>[0]) =>
  revocationsOfChange(clientSet(before), clientSet(after), { lastSessionEnd: () => NOW + 3600 });

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
