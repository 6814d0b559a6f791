import { expect, test } from "vitest";
import { DAY, HOUR, MINUTE } from "../../src/time/clock.js";
import { advanceRing, emptyRing, publishKey, revocationOf } from "../../src/keys/ring-changes.js";
import { readRing, sameContent, writeRing, type RingDocument } from "../../src/keys/ring-document.js";
import { mergeRings } from "../../src/keys/ring-merge.js";
import { forgottenAt, keyState, signingKey } from "../../src/keys/rotation.js";

const rule = {
  algorithm: "ES256",
  rotateEveryMs: 30 * DAY,
  publishAheadMs: 15 * MINUTE,
  accessTtlMs: HOUR,
  sessionTtlMs: DAY,
} as const;

const fresh = (now = 0) => advanceRing(emptyRing(), rule, now);
const kids = (ring: RingDocument) => ring.keys.map(({ kid }) => kid);

/** A ring and what two replicas made of it that did not know of one another. */
async function branches() {
  const trunk = await fresh();
  const longer = await publishKey(trunk, rule, HOUR);
  const longest = await publishKey(longer, rule, 2 * HOUR);
  const other = await publishKey(trunk, rule, HOUR);
  return { trunk, longest, other };
}

test("a ring survives being written and read", async () => {
  const ring = await publishKey(await fresh(), rule, HOUR);
  expect(readRing(writeRing(ring))).toMatchObject({ version: ring.version, macKey: ring.macKey });
  expect(sameContent(readRing(writeRing(ring)), ring)).toBe(true);
});

test.each(["{}", "[]", '{"format":2}', '{"format":1,"version":1,"macKey":"AA","keys":[]}', "null"])(
  "%s is no ring",
  (text) => {
    expect(() => readRing(text)).toThrow("key ring");
  },
);

test("a store that lacks nothing is adopted as it is", async () => {
  const { trunk, longest } = await branches();
  expect(mergeRings(trunk, longest, 2 * HOUR)).toBe(longest);
  expect(mergeRings(longest, longest, 2 * HOUR)).toBe(longest);
});

test("an older ring in the store is not adopted: what this replica has is written back as a newer version", async () => {
  const { trunk, longest } = await branches();
  const merged = mergeRings(longest, trunk, 2 * HOUR);
  expect(merged.version).toBe(longest.version + 1);
  expect(sameContent(merged, longest)).toBe(true);
});

test("of two branches the higher version's key signs; the other's is kept for its tokens but never signs again", async () => {
  const { longest, other } = await branches();
  const at = 3 * HOUR;
  for (const merged of [mergeRings(longest, other, at), mergeRings(other, longest, at)]) {
    expect(new Set(kids(merged))).toEqual(new Set([...kids(longest), ...kids(other)]));
    expect(merged.version).toBe(longest.version + 1);
    expect(signingKey(merged.keys, at)?.kid).toBe(signingKey(longest.keys, at)?.kid);
    const rescued = merged.keys.find(({ kid }) => kid === kids(other)[1]);
    expect(rescued).toMatchObject({ retiresAt: at, privateJwk: expect.anything() });
  }
});

test("both replicas come to the same ring, and stay there", async () => {
  const { longest, other } = await branches();
  const stored = mergeRings(longest, other, 3 * HOUR);
  expect(mergeRings(other, stored, 3 * HOUR + 500)).toBe(stored);
  expect(mergeRings(longest, stored, 3 * HOUR + 500)).toBe(stored);
});

test("of two rings of one version the store's wins", async () => {
  const trunk = await fresh();
  const [mine, stored] = [await publishKey(trunk, rule, 0), await publishKey(trunk, rule, 0)];
  expect(signingKey(mergeRings(mine, stored, HOUR).keys, HOUR)?.kid).toBe(kids(stored)[1]);
});

test("a revocation in either ring holds", async () => {
  const { trunk, longest } = await branches();
  const victim = kids(trunk)[0] ?? "";
  const revoked = await revocationOf(victim)(trunk, rule, HOUR);
  for (const merged of [mergeRings(revoked, longest, 2 * HOUR), mergeRings(longest, revoked, 2 * HOUR)]) {
    expect(merged.keys.filter((key) => keyState(key, 2 * HOUR) === "revoked").map(({ kid }) => kid)).toEqual([victim]);
    const mended = await advanceRing(merged, rule, 2 * HOUR);
    expect(signingKey(mended.keys, 2 * HOUR)).toBeDefined();
  }
});

test("what the higher version has forgotten in due time does not come back", async () => {
  const older = await publishKey(await fresh(), rule, 0);
  const [first] = older.keys;
  if (first === undefined) throw new Error("no key");
  const at = forgottenAt(first) + 2 * MINUTE;
  const newer = await advanceRing(older, rule, at);
  expect(kids(newer)).not.toContain(first.kid);
  expect(mergeRings(older, newer, at)).toBe(newer);
});

test("a replica whose clock is half a minute late does not take a forgotten key for a lost one", async () => {
  const older = await publishKey(await fresh(), rule, 0);
  const [first] = older.keys;
  if (first === undefined) throw new Error("no key");
  const leaderAt = forgottenAt(first) + MINUTE;
  const newer = await advanceRing(older, rule, leaderAt);
  expect(kids(newer)).not.toContain(first.kid);
  expect(mergeRings(older, newer, leaderAt - MINUTE / 2)).toBe(newer);
});

test("an old ring put back into the store does not bring back a key that was revoked and forgotten since", async () => {
  const old = await fresh();
  const [compromised = ""] = kids(old);
  const revoked = await revocationOf(compromised)(old, rule, DAY);
  expect(mergeRings(revoked, old, DAY).keys.find(({ kid }) => kid === compromised)?.revokedAt).toBe(DAY);
  const later = 4 * DAY;
  const forgotten = await advanceRing(revoked, rule, later);
  expect(kids(forgotten)).not.toContain(compromised);
  expect(kids(mergeRings(forgotten, old, later))).not.toContain(compromised);
});
