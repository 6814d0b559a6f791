/** Remembers the ids of assertions that may be used once (RFC 7523 section 3, `jti`). */
export interface Replays {
  /**
   * Marks `id` as used until `expiresAt` (milliseconds). Returns whether this was the first use: true for exactly one
   * of any number of racers. Throws `temporarily_unavailable` when the store is away. The caller makes `id` unique to
   * its client.
   */
  firstUse(id: string, expiresAt: number): Promise<boolean>;
}
