/**
 * Sends revocations to followers: everything in force, then live events, from this replica's memory. All followers
 * share one bounded ring of recent events, and each holds only its place in it. Thousands of followers cost little, and
 * a slow one is dropped: nothing is buffered for it.
 */
import { SECOND } from "../time/clock.js";
import { OAuthError, invalidRequest } from "../oauth/error.js";
import type { Revocation } from "../oauth/revocation.js";
import type { LoggedRevocation, RevocationSink } from "../storage/revocation-log.js";
import { RecentEvents, parseCursor } from "./recent-events.js";
import type { RevocationTable } from "./table.js";

/**
 * One message to a follower. `cursor` is where to resume after it; empty while the snapshot is being sent, which
 * cannot be resumed.
 */
export type FeedEvent =
  | { readonly kind: "revocation"; readonly cursor: string; readonly revocation: Revocation }
  | { readonly kind: "caught_up"; readonly cursor: string }
  | { readonly kind: "heartbeat"; readonly cursor: string; readonly viewAgeMs: number };

export interface FeedDependencies {
  readonly table: RevocationTable;
  /** Milliseconds between heartbeats. */
  readonly heartbeatMs?: number;
  /** The size of the ring: a follower can resume from these events, or lag behind by them. */
  readonly capacity?: number;
}

/** A cursor that is not in the ring resumes this much earlier: a failover can set ids back. */
const OVERLAP_MS = 60 * SECOND;

/** The sink of the log, in front of the table. */
export class RevocationFeed implements RevocationSink {
  readonly #table: RevocationTable;
  readonly #heartbeatMs: number;
  readonly #recent: RecentEvents;
  readonly #followers = new Set<Follower>();
  /** Where the log ended when it was last read to its end; undefined before that. */
  #position: string | undefined;

  constructor({ table, heartbeatMs = 5 * SECOND, capacity = 10_000 }: FeedDependencies) {
    this.#table = table;
    this.#heartbeatMs = heartbeatMs;
    this.#recent = new RecentEvents(capacity);
  }

  /** How many follow now. */
  get followers(): number {
    return this.#followers.size;
  }

  apply(event: LoggedRevocation): void {
    if (!this.#table.apply(event)) return;
    this.#recent.push(event);
    this.#wakeAll();
  }

  caughtUp(at: number, cursor: string): void {
    this.#table.caughtUp(at);
    const isFirst = this.#position === undefined;
    this.#position = cursor;
    if (isFirst) this.#wakeAll();
  }

  beginFullRead(): void {
    this.#table.beginFullRead();
  }

  unconfirmed(): Iterable<Revocation> {
    return this.#table.unconfirmed();
  }

  holds(revocation: Revocation): boolean {
    return this.#table.holds(revocation);
  }

  /**
   * Follows from `cursor`, or from a snapshot of everything in force. `caught_up` comes after that, and after this
   * replica has read the whole log itself. Ends when the signal aborts. Throws `CURSOR_GONE` if the cursor cannot be
   * resumed from any more, `CONSUMER_TOO_SLOW` if the follower lags too far behind.
   */
  async *subscribe(cursor: string | undefined, signal: AbortSignal): AsyncGenerator<FeedEvent> {
    const follower = new Follower(this.#heartbeatMs, signal);
    this.#followers.add(follower);
    try {
      while (this.#position === undefined && !signal.aborted) await follower.woken();
      if (signal.aborted) return;
      const known = this.#recent.end; // later events follow the snapshot
      let place = cursor === undefined ? known : this.#resume(cursor);
      if (cursor === undefined) yield* this.#snapshot(signal);
      for (; place < known && !signal.aborted; place += 1) yield this.#eventAt(place);
      if (!signal.aborted) yield { kind: "caught_up", cursor: this.#cursorAt(place) };
      while (!signal.aborted) {
        for (; place < this.#recent.end && !signal.aborted; place += 1) yield this.#eventAt(place);
        if (follower.takeBeat()) {
          yield { kind: "heartbeat", cursor: this.#cursorAt(place), viewAgeMs: this.#table.ageMs() };
        } else if (place === this.#recent.end) {
          await follower.woken();
        }
      }
    } finally {
      follower.stop();
      this.#followers.delete(follower);
    }
  }

  *#snapshot(signal: AbortSignal): Generator<FeedEvent> {
    for (const revocation of this.#table.inForce()) {
      if (signal.aborted) return;
      yield { kind: "revocation", cursor: "", revocation };
    }
  }

  /**
   * The place after a cursor. It is exact if the ring has the cursor. A heartbeat's cursor, or that of an entry that
   * the store has lost, resumes a minute earlier: some events come twice and none is missed.
   */
  #resume(cursor: string): number {
    const exact = this.#recent.placeOf(cursor);
    if (exact !== undefined) return exact + 1;
    const parts = parseCursor(cursor);
    const isPresentEpoch = parts !== undefined && parts.epoch === parseCursor(this.#position ?? "")?.epoch;
    const place = isPresentEpoch ? this.#recent.placeAfter(parts.ms - OVERLAP_MS) : undefined;
    if (place === undefined) {
      throw invalidRequest("CURSOR_GONE", "The cursor cannot be resumed from any more. Start again without one.");
    }
    return place;
  }

  #eventAt(place: number): FeedEvent {
    const event = this.#recent.at(place);
    if (event === undefined) {
      throw new OAuthError(
        "slow_down",
        "CONSUMER_TOO_SLOW",
        "The stream was read too slowly and events were lost. Start again without a cursor.",
      );
    }
    return { kind: "revocation", ...event };
  }

  /** The cursor of a follower that has everything before `place`. */
  #cursorAt(place: number): string {
    const position = this.#position ?? "";
    const last = this.#recent.at(place - 1)?.cursor;
    if (last === undefined) return position;
    const isOld = parseCursor(last)?.epoch !== parseCursor(position)?.epoch;
    return isOld && place === this.#recent.end ? position : last;
  }

  #wakeAll(): void {
    for (const follower of this.#followers) follower.wake();
  }
}

/**
 * Sleeps until an event comes, a heartbeat is due, or the signal aborts. Each follower has its own timer, so heartbeats
 * spread out.
 */
class Follower {
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  #resolve: (() => void) | undefined;
  #beatIsDue = false;

  constructor(heartbeatMs: number, signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.wake);
    this.#timer = setInterval(() => {
      this.#beatIsDue = true;
      this.wake();
    }, heartbeatMs).unref();
  }

  readonly wake = (): void => {
    this.#resolve?.();
    this.#resolve = undefined;
  };

  /** Resolves at the next wake. The caller checks for events and calls this in the same tick, so no wake is lost. */
  woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  takeBeat(): boolean {
    const isDue = this.#beatIsDue;
    this.#beatIsDue = false;
    return isDue;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#signal.removeEventListener("abort", this.wake);
  }
}
