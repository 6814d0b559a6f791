import type { Clock } from "../../time/clock.js";
import type { Lease } from "../lease.js";

/** The lease and its newest fencing number, which the key ring's store compares with. */
export interface MemoryLease extends Lease {
  newestFence(): number;
}

/** The lease of the only replica there is. */
export function createMemoryLease({ clock }: { clock: Clock }): MemoryLease {
  let present = { holder: "", until: 0, fence: 0 };
  return {
    async hold(holder, ttlMs) {
      const now = clock();
      if (present.holder !== holder) {
        if (now < present.until) return undefined;
        present = { holder, until: 0, fence: Math.max(present.fence + 1, now) };
      }
      present = { ...present, until: now + ttlMs };
      return present.fence;
    },
    async release(holder) {
      if (present.holder === holder) present = { ...present, until: 0 };
    },
    newestFence: () => present.fence,
  };
}
