import type { Clock } from "../time/clock.js";

/** Says when a new connection should be given up, so that long-lived clients spread over new replicas. */
export type RetirementPlan = () => number;

/**
 * Plans retirements `maxAgeMs` from now, up to a tenth earlier or later: connections that were opened together, after a
 * restart, must not come back together.
 */
export function planRetirement(maxAgeMs: number, clock: Clock, random: () => number): RetirementPlan {
  return () => clock() + maxAgeMs * (0.9 + 0.2 * random());
}

/** Tells streams that would never end by themselves that their connection is given up. */
export class Departures {
  readonly #controllers = new WeakMap<object, AbortController>();

  /** Aborts when the connection is given up; a grace later it is cut. */
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
