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

/** The ring. Places count all events that ever came, from 0. */
export class RecentEvents {
  readonly #capacity: number;
  readonly #events: LoggedRevocation[] = [];
  readonly #placeByCursor = new Map<string, number>();
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
    if (gone !== undefined) {
      this.#placeByCursor.delete(gone.cursor);
      this.#goneMs = Math.max(this.#goneMs, parseCursor(gone.cursor)?.ms ?? 0);
    }
    this.#events[slot] = event;
    this.#placeByCursor.set(event.cursor, this.#end);
    this.#end += 1;
  }

  /** The event at a place; undefined if it is gone or has not come. */
  at(place: number): LoggedRevocation | undefined {
    if (place < this.#end - this.#capacity || place >= this.#end || place < 0) return undefined;
    return this.#events[place % this.#capacity];
  }

  /** The place of an event by its cursor. */
  placeOf(cursor: string): number | undefined {
    return this.#placeByCursor.get(cursor);
  }

  /** The first place from which all events after an instant of the log follow; undefined if some of them are gone. */
  placeAfter(ms: number): number | undefined {
    if (this.#goneMs > ms) return undefined;
    let place = Math.max(0, this.#end - this.#capacity);
    while (place < this.#end && (parseCursor(this.at(place)?.cursor ?? "")?.ms ?? 0) <= ms) place += 1;
    return place;
  }
}
