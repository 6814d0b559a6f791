/** The changes that a ring document goes through. Each makes the keys that the rule asks for, and the next version. */
import { randomBytes } from "node:crypto";
import { generateSigningKey, type KeyPair } from "./key-pair.js";
import { KeysFixedError, unknownKey } from "./key-operations.js";
import type { RingDocument, RingKey } from "./ring-document.js";
import {
  addKey,
  newKeyTimesAfter,
  newestKey,
  nextRing,
  revokeKey,
  type KeyTimes,
  type RotationRule,
} from "./rotation.js";
import type { SigningAlgorithm } from "./signer.js";

/** A change: answers the ring that was given if there is nothing to do. */
export type RingChange = (ring: RingDocument, rule: RotationRule, now: number) => Promise<RingDocument>;

/** A ring without keys, before the first change. */
export function emptyRing(): RingDocument {
  return { version: 0, macKey: randomBytes(32).toString("base64url"), keys: [] };
}

/** Does what time has made due (`nextRing`). */
export const advanceRing: RingChange = async (ring, rule, now) => {
  const plan = nextRing(ring.keys, rule, now);
  if (plan.newKey !== undefined && rule.algorithm !== undefined) {
    const pair = await generateSigningKey(rule.algorithm);
    return nextVersion(ring, addKey(plan.keys, ringKey(pair, rule.algorithm, plan.newKey)));
  }
  // Version 0 was never stored: a ring without keys of its own must be, for its MAC key.
  return plan.changed || ring.version === 0 ? nextVersion(ring, plan.keys) : ring;
};

/** Publishes a key now, unless one is waiting. */
export const publishKey: RingChange = async (ring, rule, now) => {
  if (rule.algorithm === undefined)
    throw new KeysFixedError("Keys are not made here: change them where they come from.");
  const newest = newestKey(ring.keys);
  if (newest !== undefined && newest.activatesAt > now) return ring;
  const pair = await generateSigningKey(rule.algorithm);
  const key = ringKey(pair, rule.algorithm, newKeyTimesAfter(newest, rule, now));
  return nextVersion(ring, addKey(ring.keys, key));
};

/** Revokes a key; if it signed, another does from this version on. Throws `KEY_UNKNOWN`. */
export function revocationOf(kid: string): RingChange {
  return async (ring, rule, now) => {
    const key = ring.keys.find((known) => known.kid === kid);
    if (key === undefined) throw unknownKey();
    if (key.revokedAt !== undefined) return ring;
    return advanceRing(nextVersion(ring, revokeKey(ring.keys, kid, now)), rule, now);
  };
}

/** A new pair as a key of the ring. */
export function ringKey(pair: KeyPair, algorithm: SigningAlgorithm, times: KeyTimes): RingKey {
  return { kid: pair.publicJwk.kid, algorithm, ...pair, ...times };
}

/** The next version of a ring, with other keys. */
export function nextVersion(ring: RingDocument, keys: readonly RingKey[]): RingDocument {
  return { ...ring, version: ring.version + 1, keys };
}
