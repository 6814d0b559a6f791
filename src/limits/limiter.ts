/**
 * Slows guessing: a bucket of failed authentications for each client and address. It only ever judges failures, so that
 * nobody can switch a client off from afar. Knows nothing of credentials.
 */
import type { Clock } from "../time/clock.js";
import type { FailedLogins } from "../storage/failed-logins.js";
import { addressBlock } from "./address-block.js";
import { hasRoom, spend, type Bucket, type GcraPolicy } from "./gcra.js";

/** Counts failures. `clientId` is that of a client that exists; undefined for all others, which share one bucket. */
export interface FailedLoginLimiter {
  /** Whether one more failure of this client from this address would fit. Asked before work that is slow by design. */
  allows(clientId: string | undefined, address: string): boolean;
  /**
   * Charges one failure and tells whether it fitted. One that fits in the client's bucket but comes from an address
   * that has tried too many unknown ids is answered like those: else, with that bucket empty, the answer would tell at
   * the first try whether an id exists.
   */
  charge(clientId: string | undefined, address: string): boolean;
  /** Adds failures that other replicas counted, for `FailedLogins.follow`. */
  merge(key: string, count: number): void;
}

/** What the limiter works with. */
export interface FailedLoginLimiterDependencies {
  readonly policy: GcraPolicy;
  readonly clock: Clock;
  /** Tells other replicas. */
  readonly failedLogins?: FailedLogins | undefined;
  /** Buckets kept at most: about 200 bytes each. */
  readonly maxKeys?: number | undefined;
}

/** Makes the limiter of this replica. */
export function createFailedLoginLimiter(dependencies: FailedLoginLimiterDependencies): FailedLoginLimiter {
  const { policy, clock, failedLogins, maxKeys = 20_000 } = dependencies;
  // In the order of their last charge: the first one is the nearest to being full again.
  const buckets = new Map<string, Bucket>();
  let sweptAt = -Infinity;

  function store(key: string, bucket: Bucket, now: number): void {
    buckets.delete(key);
    if (buckets.size >= maxKeys) evict(now);
    buckets.set(key, bucket);
  }

  /** Drops full buckets, which say nothing, at most once an interval; otherwise the one charged the longest ago. */
  function evict(now: number): void {
    if (now - sweptAt >= policy.intervalMs) {
      sweptAt = now;
      for (const [key, fullAt] of buckets) if ((fullAt ?? 0) <= now) buckets.delete(key);
    }
    if (buckets.size < maxKeys) return;
    for (const key of buckets.keys()) {
      buckets.delete(key);
      return;
    }
  }

  return {
    allows: (clientId, address) => hasRoom(buckets.get(keyOf(clientId, addressBlock(address))), clock(), policy),
    charge(clientId, address) {
      const now = clock();
      const block = addressBlock(address);
      const key = keyOf(clientId, block);
      const bucket = buckets.get(key);
      // An empty bucket is left as it is: a flood must not lengthen the punishment.
      if (!hasRoom(bucket, now, policy)) return false;
      store(key, spend(bucket, now, policy), now);
      failedLogins?.spend(key);
      return clientId === undefined || hasRoom(buckets.get(block), now, policy);
    },
    merge(key, count) {
      const now = clock();
      let bucket = buckets.get(key);
      for (let left = Math.min(count, policy.burst); left > 0; left--) bucket = spend(bucket, now, policy);
      store(key, bucket, now);
    },
  };
}

/** A client's id holds no space (`[A-Za-z0-9._~@/-]`), so that the two kinds of keys cannot meet. */
function keyOf(clientId: string | undefined, block: string): string {
  return clientId === undefined ? block : `${clientId} ${block}`;
}
