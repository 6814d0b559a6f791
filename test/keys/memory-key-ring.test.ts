import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "../../src/time/clock.js";
import { createMemoryKeyRing } from "../../src/keys/memory-key-ring.js";

const policy = { rotateEveryMs: 30 * DAY, publishAheadMs: 15 * MINUTE, accessTtlMs: HOUR, sessionTtlMs: DAY };

function ringAt(startedAt: number) {
  const time = { now: startedAt };
  const ring = createMemoryKeyRing({ algorithm: "ES256", policy, clock: () => time.now });
  const states = () => ring.list().map(({ state }) => state);
  /** Goes to an instant, uses the ring as a request would, and lets it finish what that began. */
  const at = async (now: number): Promise<void> => {
    time.now = now;
    ring.signer();
    for (let turns = 0; turns < 5; turns += 1) await turn();
  };
  return { ring, states, at };
}

test("a fresh ring signs at once, with a key that it publishes", () => {
  const { ring, states } = ringAt(0);
  expect(states()).toEqual(["active"]);
  expect(ring.published().keys.map(({ kid }) => kid)).toEqual([ring.signer().kid]);
  expect(ring.find(ring.signer().kid)).toMatchObject({ algorithm: "ES256", publicKey: { type: "public" } });
  expect(ring.macKey()).toHaveLength(32);
});

test("a key that is due is published first, signs later, and leaves when its tokens are dead", async () => {
  const { ring, states, at } = ringAt(0);
  const first = ring.signer().kid;
  await at(30 * DAY - 15 * MINUTE);
  expect(states()).toEqual(["active", "published"]);
  expect(ring.signer().kid).toBe(first);
  await at(30 * DAY);
  expect(states()).toEqual(["retired", "active"]);
  expect(ring.signer().kid).not.toBe(first);
  await at(30 * DAY + HOUR + 2 * SECOND);
  expect(states()).toEqual(["gone", "active"]);
  expect(ring.published().keys.map(({ kid }) => kid)).not.toContain(first);
  expect(ring.find(first)).toBeDefined();
  await at(31 * DAY + HOUR + 2 * MINUTE);
  expect(ring.find(first)).toBeUndefined();
});

test("a rotation that was missed is caught up without a gap: the old key signs until the new one may", async () => {
  const { ring, states, at } = ringAt(0);
  const first = ring.signer().kid;
  await at(300 * DAY);
  expect(states()).toEqual(["active", "published"]);
  expect(ring.signer().kid).toBe(first);
  await at(300 * DAY + 15 * MINUTE);
  expect(states()).toEqual(["retired", "active"]);
});

test("an operator's rotation publishes a key now; asking again finds the one that waits", async () => {
  const { ring, at } = ringAt(0);
  const waiting = await ring.rotate();
  expect(waiting).toMatchObject({ state: "published", publishedAt: 0, activatesAt: 15 * MINUTE });
  expect(await ring.rotate()).toEqual(waiting);
  await at(15 * MINUTE);
  expect(ring.signer().kid).toBe(waiting.kid);
});

test("a revoked key leaves the JWKS at once, and another signs without waiting", async () => {
  const { ring } = ringAt(0);
  const first = ring.signer().kid;
  await ring.revoke(first);
  expect(ring.signer().kid).not.toBe(first);
  expect(ring.stateOf(first)).toBe("revoked");
  expect(ring.find(first)).toBeDefined();
  expect(ring.published().keys.map(({ kid }) => kid)).toEqual([ring.signer().kid]);
  await expect(ring.revoke(first)).resolves.toBeUndefined();
});

test("if a key waits already when the signing one is revoked, that one takes over", async () => {
  const { ring } = ringAt(0);
  const waiting = await ring.rotate();
  await ring.revoke(ring.signer().kid);
  expect(ring.signer().kid).toBe(waiting.kid);
});

test("revoking the key that waits leaves the signing one in office", async () => {
  const { ring, at } = ringAt(0);
  const first = ring.signer().kid;
  const waiting = await ring.rotate();
  await ring.revoke(waiting.kid);
  await at(16 * MINUTE);
  expect(ring.signer().kid).toBe(first);
});

test("a key that the ring does not hold cannot be revoked", async () => {
  await expect(ringAt(0).ring.revoke("unknown")).rejects.toMatchObject({
    code: "invalid_request",
    reason: "KEY_UNKNOWN",
  });
});
