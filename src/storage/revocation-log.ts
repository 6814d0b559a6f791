/** The append-only log of revocations that every replica follows. */
import type { Revocation } from "../oauth/revocation.js";

/** A logged revocation and where it stands. */
export interface LoggedRevocation {
  /** Where to resume after it, opaque; holds the log's epoch. */
  readonly cursor: string;
  readonly revocation: Revocation;
}

/** Who is told what the log holds: the replica's revocation table. */
export interface RevocationSink {
  /** A revocation, perhaps one that was applied before: applying twice is harmless. */
  apply(event: LoggedRevocation): void;
  /** The view was complete at this instant (milliseconds). Called after every full read and every heartbeat. */
  caughtUp(at: number): void;
  /** What the replica holds: published again when the log came back without its tail. */
  held(): Iterable<Revocation>;
}

/** The log. */
export interface RevocationLog {
  /**
   * Appends one revocation and answers when it is stored; not-before kinds are stamped by the store's own clock + 2 s
   * (`notBefore` given is ignored unless later). `owner` is the client that asked, for the quota of 10,000 in force.
   * Throws `temporarily_unavailable` when it cannot be stored, `slow_down` over the quota. Safe to repeat.
   */
  publish(revocation: Revocation, owner: string): Promise<Revocation>;
  /**
   * Reads all that is in force into the sink, then follows for as long as the signal allows, healing the log after a
   * loss. Resolves when it ends. Never throws for a store that is away: it keeps trying.
   */
  follow(sink: RevocationSink, signal: AbortSignal): Promise<void>;
}
