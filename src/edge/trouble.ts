import { MINUTE, type Clock } from "../time/clock.js";

/** Tells of a failure that is tried again all the time: when its reason changes, and each minute. */
export class Trouble {
  readonly #clock: Clock;
  #reason: string | undefined;
  #toldAt = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether this failure is to be told. */
  isNews(reason: string): boolean {
    const now = this.#clock();
    if (reason === this.#reason && now - this.#toldAt < MINUTE) return false;
    this.#reason = reason;
    this.#toldAt = now;
    return true;
  }

  /** What failed works: the next failure is news, whatever its reason. */
  over(): void {
    this.#reason = undefined;
  }
}
