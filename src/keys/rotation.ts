/**
 * The rule by which keys rotate: pure, from the ring, the policy and the time. It knows no store and makes no key.
 *
 * The windows `[activatesAt, retiresAt)` of the keys that are not revoked follow one another without gap or overlap. At
 * every instant exactly one key signs, and all replicas change keys at the same instant.
 */
import { DAY, MINUTE, SECOND } from "../time/clock.js";
import type { KeyState } from "./key-ring.js";
import type { RingKey } from "./ring-document.js";
import type { SigningAlgorithm } from "./signer.js";

/** How keys rotate: from the settings. In milliseconds. */
export interface RotationPolicy {
  readonly rotateEveryMs: number;
  /** How long a key is in the JWKS before it signs. */
  readonly publishAheadMs: number;
  /** The longest life of an access token. */
  readonly accessTtlMs: number;
  readonly sessionTtlMs: number;
}

/** The policy and which kind of key it makes; undefined: keys come from elsewhere, and the ring's own retire. */
export interface RotationRule extends RotationPolicy {
  readonly algorithm: SigningAlgorithm | undefined;
}

/** A retired key leaves the JWKS this long after the `exp` of its last token: what clocks may differ by. */
const EXPIRY_SLACK_MS = 2 * SECOND;

/**
 * A key is forgotten this long after it may be. A replica whose clock is late would otherwise miss it and bring it
 * back.
 */
const REMOVAL_SLACK_MS = MINUTE;

/** How many rotations a key that left the JWKS is kept for at most: bounds the ring when keys change every second. */
const RECOGNISED_ROTATIONS = 64;

const LONGEST_MAX_AGE_MS = 5 * MINUTE;

/**
 * For how long a JWKS may be cached: half of `publish_ahead`, at most five minutes. The other half is for replicas to
 * follow (a second), for clocks that differ, and for the answer to travel.
 */
export function jwksMaxAgeSeconds(policy: Pick<RotationPolicy, "publishAheadMs">): number {
  return Math.floor(Math.min(policy.publishAheadMs / 2, LONGEST_MAX_AGE_MS) / SECOND);
}

/** When a key leaves the JWKS; Infinity while its retirement is not planned. A revoked key has left already. */
export function unpublishedAt(key: RingKey): number {
  return (key.retiresAt ?? Infinity) + key.tokenTtlMs + EXPIRY_SLACK_MS;
}

/** When the ring has no more use for a key, not even to recognise a session that began under it. */
export function forgottenAt(key: RingKey): number {
  const outOfUseAt = Math.min(key.retiresAt ?? Infinity, key.revokedAt ?? Infinity);
  return outOfUseAt + key.tokenTtlMs + EXPIRY_SLACK_MS + key.recognisedMs;
}

/** Where a key stands at an instant. */
export function keyState(key: RingKey, now: number): KeyState {
  if (key.revokedAt !== undefined) return "revoked";
  if (now >= unpublishedAt(key)) return "gone";
  if (key.retiresAt !== undefined && now >= key.retiresAt) return "retired";
  return now < key.activatesAt ? "published" : "active";
}

/** Whether a key is in the JWKS at an instant. */
export function isPublished(key: RingKey, now: number): boolean {
  const state = keyState(key, now);
  return state !== "gone" && state !== "revoked";
}

/** The key whose turn it is to sign at an instant; undefined only if the ring has none or it was revoked. */
export function signingKey(keys: readonly RingKey[], now: number): RingKey | undefined {
  return keys.findLast((key) => keyState(key, now) === "active");
}

/** The next instant after `now` at which any key's state changes; Infinity if none will. */
export function nextChangeAt(keys: readonly RingKey[], now: number): number {
  const instants = keys.flatMap((key) => [key.activatesAt, key.retiresAt ?? Infinity, unpublishedAt(key)]);
  return Math.min(Infinity, ...instants.filter((instant) => instant > now));
}

export interface RingPlan {
  /** The keys as they should be, without the new one. */
  readonly keys: readonly RingKey[];
  /** Whether `keys` differ from those that were given. */
  readonly changed: boolean;
  /** The times of a key that must be made now: add it by `addKey`. */
  readonly newKey: KeyTimes | undefined;
  /** The next instant at which anything may have to be done. */
  readonly lookAgainAt: number;
}

/** The part of a key that the rule decides. */
export type KeyTimes = Pick<RingKey, "publishedAt" | "activatesAt" | "tokenTtlMs" | "recognisedMs">;

/**
 * Decides what must be done to a ring at an instant. Works from any ring, however old: a signing key that is overdue
 * signs on until its successor has been published for long enough. Only a ring without a usable key gets one that
 * signs at once.
 */
export function nextRing(keys: readonly RingKey[], rule: RotationRule, now: number): RingPlan {
  const upToDate = keys
    .filter((key) => now < forgottenAt(key) + REMOVAL_SLACK_MS)
    .map((key) => withoutUselessHalf(withPresentTtl(key, rule, now), now));
  const kept = rule.algorithm === undefined ? withNoWindow(upToDate, now) : withOpenWindow(upToDate, now);
  const changed = kept.length !== keys.length || kept.some((key, index) => key !== keys[index]);
  const newKey = newKeyTimes(newestKey(kept), rule, now);
  return { keys: kept, changed, newKey, lookAgainAt: lookAgainAt(kept, rule, now) };
}

/** Adds a key; the one that was to sign until further notice now signs until the new one does. */
export function addKey(keys: readonly RingKey[], added: RingKey): readonly RingKey[] {
  const predecessor = newestKey(keys);
  const closed = keys.map((key) => (key === predecessor ? { ...key, retiresAt: added.activatesAt } : key));
  return inOrder([...closed, added]);
}

/** Marks a key as revoked, for good. `nextRing` then finds who signs instead. */
export function revokeKey(keys: readonly RingKey[], kid: string, now: number): readonly RingKey[] {
  return keys.map((key) => (key.kid === kid && key.revokedAt === undefined ? { ...key, revokedAt: now } : key));
}

/** Keys in the order in which they sign. */
export function inOrder(keys: readonly RingKey[]): readonly RingKey[] {
  return keys.toSorted((a, b) => a.activatesAt - b.activatesAt || (a.kid < b.kid ? -1 : 1));
}

/** The key whose window is open: it signs, or will. */
export function newestKey(keys: readonly RingKey[]): RingKey | undefined {
  return keys.findLast((key) => key.retiresAt === undefined && key.revokedAt === undefined);
}

/** The times of a key that is published now and signs as soon as every verifier can have it. */
export function newKeyTimesAfter(predecessor: RingKey | undefined, policy: RotationPolicy, now: number): KeyTimes {
  return {
    publishedAt: now,
    activatesAt: predecessor === undefined ? now : Math.max(now + policy.publishAheadMs, predecessor.activatesAt),
    tokenTtlMs: policy.accessTtlMs,
    recognisedMs: recognisedMs(policy),
  };
}

function newKeyTimes(newest: RingKey | undefined, rule: RotationRule, now: number): KeyTimes | undefined {
  if (now < successorDueAt(newest, rule)) return undefined;
  const times = newKeyTimesAfter(newest, rule, now);
  if (newest === undefined || newest.algorithm !== rule.algorithm) return times;
  return { ...times, activatesAt: Math.max(times.activatesAt, newest.activatesAt + rule.rotateEveryMs) };
}

/**
 * When the successor of the newest key must be published. Never before that key signs: one waits at a time. At once if
 * the settings now ask for another algorithm.
 */
function successorDueAt(newest: RingKey | undefined, rule: RotationRule): number {
  if (rule.algorithm === undefined) return Infinity;
  if (newest === undefined) return -Infinity;
  if (newest.algorithm !== rule.algorithm) return newest.activatesAt;
  return newest.activatesAt + Math.max(0, rule.rotateEveryMs - rule.publishAheadMs);
}

/** For how long a key is remembered after its tokens are dead: `session_ttl`, within the bound on the ring's size. */
export function recognisedMs(policy: RotationPolicy): number {
  const periodMs = Math.max(policy.rotateEveryMs, policy.publishAheadMs);
  return Math.min(policy.sessionTtlMs, RECOGNISED_ROTATIONS * periodMs);
}

/**
 * Closes the gap after a revocation. Where the signing key was revoked, the waiting one signs at once. Where the
 * waiting one was revoked, the signing one signs on.
 */
function withOpenWindow(keys: readonly RingKey[], now: number): readonly RingKey[] {
  const newest = newestKey(keys);
  const signing = signingKey(keys, now);
  if (signing === undefined && newest !== undefined && newest.activatesAt > now) {
    return inOrder(keys.map((key) => (key === newest ? { ...key, activatesAt: now } : key)));
  }
  if (signing !== undefined && newest === undefined) {
    const { retiresAt: _, ...reopened } = signing;
    return keys.map((key) => (key === signing ? reopened : key));
  }
  return keys;
}

/** Keys come from elsewhere now: the ring's own have signed their last. */
function withNoWindow(keys: readonly RingKey[], now: number): readonly RingKey[] {
  return keys.map((key) => (now < (key.retiresAt ?? Infinity) ? { ...key, retiresAt: now } : key));
}

/** A setting that was raised holds for the keys in the JWKS too, one that was lowered does not shorten their stay. */
function withPresentTtl(key: RingKey, policy: RotationPolicy, now: number): RingKey {
  if (!isPublished(key, now)) return key;
  const tokenTtlMs = Math.max(key.tokenTtlMs, policy.accessTtlMs);
  const keptMs = Math.max(key.recognisedMs, recognisedMs(policy));
  if (tokenTtlMs === key.tokenTtlMs && keptMs === key.recognisedMs) return key;
  return { ...key, tokenTtlMs, recognisedMs: keptMs };
}

/** A key that will never sign again needs no private half. */
function withoutUselessHalf(key: RingKey, now: number): RingKey {
  if (key.privateJwk === undefined || isPublished(key, now)) return key;
  const { privateJwk: _, ...publicHalf } = key;
  return publicHalf;
}

function lookAgainAt(keys: readonly RingKey[], rule: RotationRule, now: number): number {
  const instants = keys.flatMap((key) => [unpublishedAt(key), forgottenAt(key) + REMOVAL_SLACK_MS]);
  const successorAt = Math.max(now, successorDueAt(newestKey(keys), rule));
  // Timers count in 32 bits: a day is soon enough to look again in any case.
  return Math.min(now + DAY, successorAt, ...instants.filter((at) => at > now));
}
