/** Comparison that takes as long wherever two texts differ: for what a caller must not find out bit by bit. */
import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";

/** No MAC or digest is longer, in hex or base64url. */
const LONGEST = 128;

/** Written and compared in one synchronous step, hence one pair is enough. */
const [left, right] = [Buffer.alloc(LONGEST), Buffer.alloc(LONGEST)];

/** Whether two digests or MACs are the same ASCII string of at most 128 characters. Their length is no secret. */
export function isSameDigest(one: string, other: string): boolean {
  if (one.length !== other.length || one.length > LONGEST) return false;
  left.fill(0).write(one);
  right.fill(0).write(other);
  return timingSafeEqual(left, right);
}
