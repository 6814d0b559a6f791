/** What Redis keeps, spelled out: replicas of two releases read the same entries while one replaces the other. */
import { expect, test } from "vitest";
import { createStoreMac } from "../../src/crypto/store-mac.js";
import type { Revocation } from "../../src/oauth/revocation.js";
import { formatEntry, macOf, parseEntry } from "../../src/storage/redis/revocation-entry.js";

const SESSION_ID = "A".repeat(22);

test.each<[string, Revocation]>([
  [`s1790003600 ${SESSION_ID}`, { kind: "session", sessionId: SESSION_ID, expiresAt: 1_790_003_600_000 }],
  ["u1790003600.1790000002 ann", named({ kind: "subject", subject: "ann" })],
  ["c1790003600.1790000002 spark", named({ kind: "client", clientId: "spark" })],
  ["p1790003600.1790000002 shop/", named({ kind: "client_prefix", prefix: "shop/" })],
  ["e1790003600.1790000002 ", named({ kind: "everything" })],
  ["k1790003600 k1", { kind: "key", kid: "k1", expiresAt: 1_790_003_600_000 }],
])("the log holds %j, in seconds", (entry, revocation) => {
  expect(formatEntry(revocation)).toBe(entry);
  expect(parseEntry(entry)).toEqual(revocation);
});

test("the MAC of an entry is over its spelling", () => {
  const mac = createStoreMac({ macKey: () => Buffer.alloc(32, 7) }, "revocation");
  expect(macOf(`s1790003600 ${SESSION_ID}`, mac)).toBe("x3A8aLp3jc1igHHRNZP1Kd");
});

function named<Target extends object>(target: Target) {
  return { ...target, notBefore: 1_790_000_002_000, expiresAt: 1_790_003_600_000 };
}
