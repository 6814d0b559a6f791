import type { Clock } from "../time/clock.js";

/** The instant at which a new connection retires. Retirement lets long-lived clients spread over new replicas. */
export type RetirementPlan = () => number;

/**
 * Plans retirements `maxAgeMs` from now, up to a tenth earlier or later. Connections that were opened together after a
 * restart must not come back together.
 */
export function planRetirement(maxAgeMs: number, clock: Clock, random: () => number): RetirementPlan {
  return () => clock() + maxAgeMs * (0.9 + 0.2 * random());
}

/** Tells endless streams that their connection retires. */
export class Departures {
  readonly #controllers = new WeakMap<object, AbortController>();

  /** Aborts when the connection retires. After a grace the connection is cut. */
  signalOf(connection: object): AbortSignal {
    return this.#of(connection).signal;
  }

  announce(connection: object): void {
    this.#of(connection).abort();
  }

  #of(connection: object): AbortController {
    const known = this.#controllers.get(connection);
    if (known !== undefined) return known;
    const controller = new AbortController();
    this.#controllers.set(connection, controller);
    return controller;
  }
}
