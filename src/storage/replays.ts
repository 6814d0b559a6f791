/** What an assertion was used for: to authenticate its client, or as a grant (RFC 7523 sections 2.2 and 2.1). */
export type ReplayPurpose = "authentication" | "grant";

/** How an id was used before: not at all, for the same purpose, or for the other one. */
export type ReplayUse = "first" | "repeated" | "used_otherwise";

/** Remembers the ids of assertions that may be used once (RFC 7523 section 3, `jti`). */
export interface Replays {
  /**
   * Marks `id` as used for a purpose until `expiresAt` (milliseconds) and tells whether this was the first use: of any
   * number of racers exactly one is told so. Throws `temporarily_unavailable` when the store is away. The caller makes
   * `id` unique to the client that it speaks of.
   */
  use(id: string, purpose: ReplayPurpose, expiresAt: number): Promise<ReplayUse>;
}
