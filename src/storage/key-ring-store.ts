/** Where the sealed key ring lives. */

/** A sealed ring and its version. */
export interface SealedRing {
  /** Counts replacements, from 1. */
  readonly version: number;
  /** Sealed by `keys/sealing.ts`: no private key in clear. */
  readonly sealed: string;
}

/** One versioned value. Both methods throw `temporarily_unavailable` when the store is away. */
export interface KeyRingStore {
  /** The present value; undefined if there is none. */
  read(): Promise<SealedRing | undefined>;
  /**
   * Stores `next` if the present version is `expected` (0: none exists), in one atomic step, and tells whether it did.
   * `fence`, if given, must be the newest fencing number of the lease: a replica that lost the lease cannot write.
   */
  replace(expected: number, next: SealedRing, fence?: number): Promise<boolean>;
  /** Calls `onChange` soon (within a second) after another replica replaced the value, until the signal aborts. */
  watch(onChange: () => void, signal: AbortSignal): void;
}
