/** The generic cell rate algorithm: a token bucket in one number. Pure. */

/** How many failures at once, and how fast they are forgiven. */
export interface GcraPolicy {
  /** FailedLogins that a full bucket holds. */
  readonly burst: number;
  /** Milliseconds until one failure is forgiven. */
  readonly intervalMs: number;
}

/**
 * The bucket of a key is its theoretical arrival time: the instant (milliseconds) at which it will be full again.
 * Undefined means full.
 */
export type Bucket = number | undefined;

/** Whether one more failure fits. */
export function hasRoom(bucket: Bucket, now: number, policy: GcraPolicy): boolean {
  const fullAt = Math.max(bucket ?? 0, now);
  return fullAt + policy.intervalMs - now <= policy.burst * policy.intervalMs;
}

/** The bucket after one failure. It never gets emptier than empty: a flood does not lengthen the punishment. */
export function spend(bucket: Bucket, now: number, policy: GcraPolicy): number {
  const fullAt = Math.max(bucket ?? 0, now) + policy.intervalMs;
  return Math.min(fullAt, now + policy.burst * policy.intervalMs);
}
