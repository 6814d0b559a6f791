/** The last events, in the order of arrival. Followers of the feed keep places in this ring. */
import type { LoggedRevocation } from "../storage/revocation-log.js";

/** A cursor's parts: `<epoch>.<milliseconds>-<sequence>`. */
export interface CursorParts {
  readonly epoch: string;
  readonly ms: number;
}

const CURSOR = /^([\w-]{1,32})\.(\d{1,15})-\d{1,20}$/;

/** Undefined unless it has the form of our cursors. */
export function parseCursor(cursor: string): CursorParts | undefined {
  const [, epoch, ms] = CURSOR.exec(cursor) ?? [];
  return epoch === undefined || ms === undefined ? undefined : { epoch, ms: Number(ms) };
}

/**
 * The instant in our own cursor. It is read for each event that leaves the ring, a million at a start, so without a
 * pattern.
 */
function msOf(cursor: string): number {
  return Number(cursor.slice(cursor.indexOf(".") + 1, cursor.lastIndexOf("-")));
}

/** Places count all events since the start, from 0. */
export class RecentEvents {
  readonly #capacity: number;
  readonly #events: LoggedRevocation[] = [];
  #end = 0;
  /** The latest instant among the events that have left the ring. */
  #goneMs = -Infinity;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The place of the next event. */
  get end(): number {
    return this.#end;
  }

  push(event: LoggedRevocation): void {
    const slot = this.#end % this.#capacity;
    const gone = this.#events[slot];
    if (gone !== undefined) this.#goneMs = Math.max(this.#goneMs, msOf(gone.cursor));
    this.#events[slot] = event;
    this.#end += 1;
  }

  /** Undefined if the event has left the ring or has not come. */
  at(place: number): LoggedRevocation | undefined {
    if (place < this.#start || place >= this.#end) return undefined;
    return this.#events[place % this.#capacity];
  }

  /** Undefined if the event is not in the ring. */
  placeOf(cursor: string): number | undefined {
    const slot = this.#events.findIndex((event) => event.cursor === cursor);
    if (slot === -1) return undefined;
    const lap = this.#end - (this.#end % this.#capacity);
    return lap + slot < this.#end ? lap + slot : lap - this.#capacity + slot;
  }

  /** The place of the first event after an instant. Undefined if such an event has left the ring. */
  placeAfter(ms: number): number | undefined {
    if (this.#goneMs > ms) return undefined;
    let place = this.#start;
    for (let event = this.at(place); event !== undefined && msOf(event.cursor) <= ms; event = this.at(place)) {
      place += 1;
    }
    return place;
  }

  get #start(): number {
    return Math.max(0, this.#end - this.#capacity);
  }
}
