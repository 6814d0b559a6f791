/** Publishes revocations that nobody waits for, until they are stored: what a reused refresh token leads to. */
import type { Revocation } from "../oauth/revocation.js";
import type { RevocationLog } from "../storage/revocation-log.js";

/** At most this many wait for a store that is away; reuse found later publishes again (tombstones stay). */
const MAX_WAITING = 10_000;
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 5000;

/** Takes a revocation and returns at once. `owner` is the client whose token led to it. */
export type RevokeEventually = (revocation: Revocation, owner: string) => void;

/** What publishing takes. */
export interface EventualRevocationDependencies {
  readonly log: Pick<RevocationLog, "publish">;
  /** Resolves after so many milliseconds, or sooner when the server stops. */
  readonly delay: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
  /** Told about each try that failed. */
  readonly onFailure: (error: unknown) => void;
}

/** Makes the publisher. */
export function createEventualRevocation(dependencies: EventualRevocationDependencies): RevokeEventually {
  const { log, delay, signal, onFailure } = dependencies;
  let waiting = 0;

  async function publish(revocation: Revocation, owner: string): Promise<void> {
    for (let delayMs = FIRST_DELAY_MS; !signal.aborted; delayMs = Math.min(delayMs * 2, LAST_DELAY_MS)) {
      try {
        await log.publish(revocation, owner);
        return;
      } catch (error) {
        onFailure(error);
        await delay(delayMs);
      }
    }
  }

  return (revocation, owner) => {
    if (waiting >= MAX_WAITING) return onFailure(new Error("too many revocations wait for the store"));
    waiting++;
    void publish(revocation, owner).finally(() => waiting--);
  };
}
