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
