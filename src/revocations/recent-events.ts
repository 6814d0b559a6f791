/** The last events in the order of their arrival: a ring that followers of the feed keep their places in. */
import type { LoggedRevocation } from "../storage/revocation-log.js";

/** A cursor's parts: `<epoch>.<milliseconds>-<sequence>`. */
export interface CursorParts {
  readonly epoch: string;
  readonly ms: number;
}

const CURSOR = /^([\w-]{1,32})\.(\d{1,15})-\d{1,20}$/;

/** Reads a cursor; undefined if it is none of ours. */
export function parseCursor(cursor: string): CursorParts | undefined {
  const [, epoch, ms] = CURSOR.exec(cursor) ?? [];
  return epoch === undefined || ms === undefined ? undefined : { epoch, ms: Number(ms) };
}

/** The instant in a cursor of ours. No pattern: it is read for each of a million entries when a replica starts. */
function msOf(cursor: string): number {
  return Number(cursor.slice(cursor.indexOf(".") + 1, cursor.lastIndexOf("-")));
}

/** The ring. Places count all events that ever came, from 0. */
export class RecentEvents {
  readonly #capacity: number;
  readonly #events: LoggedRevocation[] = [];
  #end = 0;
  /** The latest instant among the events that are gone; -Infinity while none is. */
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

  /** The event at a place; undefined if it is gone or has not come. */
  at(place: number): LoggedRevocation | undefined {
    if (place < this.#start || place >= this.#end) return undefined;
    return this.#events[place % this.#capacity];
  }

  /** The place of an event by its cursor; undefined if it is gone or never came. */
  placeOf(cursor: string): number | undefined {
    const slot = this.#events.findIndex((event) => event.cursor === cursor);
    if (slot === -1) return undefined;
    const lap = this.#end - (this.#end % this.#capacity);
    return lap + slot < this.#end ? lap + slot : lap - this.#capacity + slot;
  }

  /** The first place from which all events after an instant of the log follow; undefined if some of them are gone. */
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
