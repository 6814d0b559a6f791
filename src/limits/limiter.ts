/**
 * Slows guessing: a bucket of failed logins for each id and address, and one for each address. It counts failures only:
 * nobody can lock a client out from elsewhere. It does not know which ids exist: its answers cannot tell. It
 * knows nothing of credentials.
 */
import { hash } from "node:crypto";
import type { Clock } from "../time/clock.js";
import type { FailedLogins } from "../storage/failed-logins.js";
import { addressBlock } from "./address-block.js";
import { createBucketTable } from "./bucket-table.js";
import { hasRoom, spend, type Bucket, type GcraPolicy } from "./gcra.js";

/** Counts failures. `claimedId` is the id that the caller says is its own, whether or not it exists; undefined: none. */
export interface FailedLoginLimiter {
  /**
   * Whether one more failure of this id from this address fits in their own bucket; without an id, in the address's.
   * Asked before work that is slow by design.
   */
  allows(claimedId: string | undefined, address: string): boolean;
  /** Charges one failure, to the id and to the address, and tells whether it fitted in both. */
  charge(claimedId: string | undefined, address: string): boolean;
  /** Adds failures that other replicas counted, for `FailedLogins.follow`. */
  merge(key: string, count: number): void;
}

export interface FailedLoginLimiterDependencies {
  readonly policy: GcraPolicy;
  readonly clock: Clock;
  /** Tells other replicas. */
  readonly failedLogins?: FailedLogins | undefined;
  /** Buckets kept at most: about 200 bytes each. */
  readonly maxKeys?: number | undefined;
}

export function createFailedLoginLimiter(dependencies: FailedLoginLimiterDependencies): FailedLoginLimiter {
  const { policy, clock, failedLogins, maxKeys = 20_000 } = dependencies;
  const buckets = createBucketTable({ maxKeys, stepMs: policy.intervalMs });

  /** An empty bucket is left as it is: a flood must not lengthen the punishment. */
  function chargeOne(key: string, now: number): boolean {
    const bucket = buckets.get(key);
    if (!hasRoom(bucket, now, policy)) return false;
    buckets.set(key, spend(bucket, now, policy));
    failedLogins?.spend(key);
    return true;
  }

  return {
    allows: (claimedId, address) => hasRoom(buckets.get(keyOf(claimedId, addressBlock(address))), clock(), policy),
    charge(claimedId, address) {
      const now = clock();
      const block = addressBlock(address);
      const addressFits = chargeOne(block, now);
      return claimedId === undefined ? addressFits : chargeOne(keyOf(claimedId, block), now) && addressFits;
    },
    merge(key, count) {
      const now = clock();
      let bucket: Bucket = buckets.get(key);
      for (let left = Math.min(count, policy.burst); left > 0; left--) bucket = spend(bucket, now, policy);
      if (bucket !== undefined) buckets.set(key, bucket);
    },
  };
}

/**
 * Ids come from callers and may be long: a digest stands for each. It holds no space: the two kinds of keys cannot
 * meet.
 */
function keyOf(claimedId: string | undefined, block: string): string {
  return claimedId === undefined ? block : `${hash("sha256", claimedId, "base64url")} ${block}`;
}
