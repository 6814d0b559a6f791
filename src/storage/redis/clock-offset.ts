/**
 * How far this replica's clock is ahead of Redis's, as each heartbeat finds it. Redis stamps not-before revocations:
 * the instants compared with them need the same clock.
 */

/**
 * Up to here nothing is corrected. Not-before instants are stamped two seconds ahead, which covers it, and half of a
 * slow answer's way looks just like a clock that is off.
 */
const TOLERATED_MS = 1000;

/** The offset. In milliseconds. */
export class ClockOffset {
  #ms: number | undefined;

  /** Undefined before Redis first answered. While Redis is away the last one holds. */
  get ms(): number | undefined {
    return this.#ms;
  }

  /** Notes one answer: when it was asked for, Redis's clock, and when it arrived. */
  note(askedAt: number, storeTime: number, answeredAt: number): void {
    if (Number.isSafeInteger(storeTime)) this.#ms = (askedAt + answeredAt) / 2 - storeTime;
  }

  /** An instant of this replica's clock by Redis's. */
  corrected(instant: number): number {
    const offset = this.#ms ?? 0;
    return Math.abs(offset) < TOLERATED_MS ? instant : Math.round(instant - offset);
  }
}
