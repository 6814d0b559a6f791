/** Comparison that takes as long wherever two strings differ: a caller must not find one out bit by bit. */
import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";

/** No MAC or digest is longer, in hex or base64url. */
const LONGEST = 128;

/** Whether two digests or MACs are the same string of at most 128 characters. Their length is no secret. */
export function isSameDigest(one: string, other: string): boolean {
  if (one.length > LONGEST || other.length > LONGEST) return false;
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
