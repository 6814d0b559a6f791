/** A clock that stands still, and pauses that end when it is moved on. */
import { setImmediate } from "node:timers/promises";
import type { Pause } from "../../src/client/backoff.js";

interface Waiting {
  readonly until: number;
  readonly ref: boolean;
  readonly wake: () => void;
}

/** The time of a test, in milliseconds. */
export class FakeTime {
  #now = Date.UTC(2026, 0, 1);
  readonly #waiting = new Set<Waiting>();

  readonly clock = (): number => this.#now;

  readonly pause: Pause = (ms, { signal, ref }) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const end = (): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener("abort", abort);
      };
      const abort = (): void => (end(), reject(signal.reason));
      const waiting = { until: this.#now + ms, ref, wake: () => (end(), resolve(undefined)) };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", abort);
    });

  /** How long each waiter still waits, in milliseconds. */
  get waits(): readonly number[] {
    return [...this.#waiting].map(({ until }) => until - this.#now);
  }

  /** Of those, the ones that keep the process alive. */
  get refs(): number {
    return [...this.#waiting].filter(({ ref }) => ref).length;
  }

  /** Moves on, waking everyone in turn, and lets them do what they then do. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await setImmediate();
      const [next] = [...this.#waiting].toSorted((a, b) => a.until - b.until);
      if (next === undefined || next.until > end) break;
      this.#now = Math.max(this.#now, next.until);
      next.wake();
    }
    this.#now = end;
  }
}
