import { MINUTE } from "../../time/clock.js";
import { REVOCATION_QUOTA } from "../revocation-log.js";

/** Counts the revocations in force of each owner, by the minute in which they end. */
export class OwnerQuota {
  readonly #endingByOwner = new Map<string, Map<number, number>>();

  /** Counts one more for the owner, unless the quota is used up. */
  spend(owner: string, expiresAt: number, now: number): boolean {
    const ending = this.#endingByOwner.get(owner) ?? new Map<number, number>();
    let inForce = 0;
    for (const [minute, count] of ending) {
      if (minute * MINUTE <= now) ending.delete(minute);
      else inForce += count;
    }
    if (inForce >= REVOCATION_QUOTA) return false;
    const minute = Math.ceil(expiresAt / MINUTE);
    ending.set(minute, (ending.get(minute) ?? 0) + 1);
    this.#endingByOwner.set(owner, ending);
    return true;
  }
}
