/** A lease: at most one replica at a time does its work. */

/** The lease. Both methods throw `temporarily_unavailable` when the store is away: then nobody does the work. */
export interface Lease {
  /**
   * Takes the lease, or renews it if `holder` has it, for `ttlMs`. Returns the fencing number (it grows with every
   * change of holder), or undefined if another holds it.
   */
  hold(holder: string, ttlMs: number): Promise<number | undefined>;
  /** Gives the lease up if `holder` has it. */
  release(holder: string): Promise<void>;
}
