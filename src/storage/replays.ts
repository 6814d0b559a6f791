/** Remembers the ids of assertions that may be used once (RFC 7523 section 3, `jti`). */
export interface Replays {
  /**
   * Marks `id` as used until `expiresAt` (milliseconds) and tells whether this was the first use: of any number of
   * racers exactly one is told so. Throws `temporarily_unavailable` when the store is away. The caller makes `id`
   * unique to the client that it speaks of.
   */
  firstUse(id: string, expiresAt: number): Promise<boolean>;
}
