/** The append-only log of revocations that every replica follows. */
import type { Revocation } from "../oauth/revocation.js";
import { MINUTE, SECOND } from "../time/clock.js";

/** At most this many revocations in force for one owner. */
export const REVOCATION_QUOTA = 10_000;

/** Not-before revocations are stamped this far ahead of the store's clock: replicas' clocks differ. */
export const NOT_BEFORE_AHEAD_MS = 2 * SECOND;

/**
 * Added to the end of not-before revocations. Their stamp is by the store's clock, their end by the caller's, and no
 * session that the stamp covers may outlive them.
 */
export const NOT_BEFORE_MARGIN_MS = MINUTE;

/** A logged revocation and where it stands. */
export interface LoggedRevocation {
  /** Where to resume after it: `<epoch>.<milliseconds>-<sequence>`. A log that was lost starts a new epoch. */
  readonly cursor: string;
  readonly revocation: Revocation;
}

/** Receives the log: the replica's revocation table. */
export interface RevocationSink {
  /** A revocation, perhaps one that was applied before: applying twice is harmless. */
  apply(event: LoggedRevocation): void;
  /**
   * The view was complete at this instant (milliseconds), up to `cursor`. Called after every full read and every
   * heartbeat. Infinity: the log is in this process and the view is complete at all times.
   */
  caughtUp(at: number, cursor: string): void;
  /** A read from the very start begins: nothing is confirmed any more. */
  beginFullRead(): void;
  /**
   * The revocations in force that no `apply` has confirmed since `beginFullRead`. The log has lost them: they are
   * published again. Lazy: one confirmed during the reading is left out.
   */
  unconfirmed(): Iterable<Revocation>;
  /** Whether the view holds this session's or key's revocation already, for at least as long. */
  holds(revocation: Revocation): boolean;
}

export interface RevocationLog {
  /**
   * Appends one revocation and answers with it as it was stored; not-before kinds are stamped by the store's own clock
   * + 2 s (`notBefore` given is ignored unless later). `owner` is the client that asked, for the quota of 10,000 in
   * force; undefined for what the server itself revokes, which no quota holds up. When this replica follows the log, its own view holds the revocation before this resolves, or 100 ms later.
   * Throws `temporarily_unavailable` when it cannot be stored, `slow_down` over the quota. Safe to repeat: a session or
   * key that is in the log already is not logged again.
   */
  publish(revocation: Revocation, owner: string | undefined): Promise<Revocation>;
  /**
   * When the last session that has begun by now can end, on any replica. A revocation that does not know its sessions
   * must last until then.
   */
  lastSessionEnd(): number;
  /**
   * Reads all that is in force into the sink, then follows for as long as the signal allows, healing the log after a
   * loss. Resolves when it ends. Never throws for a store that is away: it keeps trying. Once for each storage.
   */
  follow(sink: RevocationSink, signal: AbortSignal): Promise<void>;
}
