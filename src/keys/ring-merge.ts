/** Brings two rings together that have parted: after a failover the store may hold an older one, or another branch. */
import { sameContent, type RingDocument, type RingKey } from "./ring-document.js";
import { forgottenAt, inOrder } from "./rotation.js";

/**
 * The union of what a replica has and what the store has. The higher version says who signs (the store's, if they are
 * equal); keys that only the lower one has never sign again, but are kept for as long as their tokens live; a
 * revocation in either holds. The result is the store's own ring if that lacks nothing.
 */
export function mergeRings(local: RingDocument, stored: RingDocument, now: number): RingDocument {
  const [higher, lower] = local.version > stored.version ? [local, stored] : [stored, local];
  const lowerKeys = new Map(lower.keys.map((key) => [key.kid, key]));
  const shared = higher.keys.map((key) => mergeKey(key, lowerKeys.get(key.kid)));
  const higherKids = new Set(higher.keys.map((key) => key.kid));
  const rescued = lower.keys
    .filter((key) => !higherKids.has(key.kid))
    .map((key) => ({ ...key, retiresAt: Math.min(key.retiresAt ?? now, now) }))
    .filter((key) => now < forgottenAt(key) && (lower === local || !mayBeForgotten(key, now)));
  const merged = { ...higher, keys: inOrder([...shared, ...rescued]) };
  return sameContent(merged, stored) ? stored : { ...merged, version: higher.version + 1 };
}

/**
 * Whether a key is old enough to have been revoked, and forgotten since. An older ring that someone put back into the
 * store must not bring such a key back; what a failover parted is younger.
 */
function mayBeForgotten(key: RingKey, now: number): boolean {
  return now >= forgottenAt({ ...key, retiresAt: key.publishedAt });
}

function mergeKey(higher: RingKey, lower: RingKey | undefined): RingKey {
  if (lower === undefined) return higher;
  const revokedAt = Math.min(higher.revokedAt ?? Infinity, lower.revokedAt ?? Infinity);
  return {
    ...higher,
    tokenTtlMs: Math.max(higher.tokenTtlMs, lower.tokenTtlMs),
    recognisedMs: Math.max(higher.recognisedMs, lower.recognisedMs),
    ...(revokedAt < Infinity && { revokedAt }),
  };
}
