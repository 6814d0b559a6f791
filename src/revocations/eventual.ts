/**
 * Publishes revocations that nobody waits for, until they are stored: what a reused refresh token leads to, and clients
 * that are gone from the settings.
 */
import type { Revocation } from "../oauth/revocation.js";
import type { RevocationLog } from "../storage/revocation-log.js";

/** At most this many of clients' wait for a store that is away; reuse found later publishes again (tombstones stay). */
const MAX_WAITING = 10_000;
/** As many are sent at once: thousands together would wait for each other until all have timed out. */
const AT_ONCE = 32;
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 5000;

/**
 * Takes a revocation and returns at once. `owner` is the client whose token led to it; undefined for what the settings
 * call for: those are as many as there were clients, and none is turned away.
 */
export type RevokeEventually = (revocation: Revocation, owner: string | undefined) => void;

export interface EventualRevocationDependencies {
  readonly log: Pick<RevocationLog, "publish">;
  /** Resolves after so many milliseconds, or sooner when the server stops. */
  readonly delay: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
  /** Told about each try that failed. */
  readonly onFailure: (error: unknown) => void;
}

interface Waiting {
  readonly revocation: Revocation;
  readonly owner: string | undefined;
  delayMs: number;
}

export function createEventualRevocation(dependencies: EventualRevocationDependencies): RevokeEventually {
  const { log, delay, signal, onFailure } = dependencies;
  const queue: Waiting[] = [];
  let underWay = 0;
  let waitingOfClients = 0;

  function sendNext(): void {
    while (underWay < AT_ONCE && !signal.aborted) {
      const next = queue.shift();
      if (next === undefined) return;
      underWay += 1;
      void publish(next).finally(() => {
        underWay -= 1;
        sendNext();
      });
    }
  }

  async function publish(waiting: Waiting): Promise<void> {
    try {
      await log.publish(waiting.revocation, waiting.owner);
      if (waiting.owner !== undefined) waitingOfClients -= 1;
    } catch (error) {
      onFailure(error);
      void retry(waiting);
    }
  }

  /** Leaves its place to others while it waits: one that a quota holds up must not hold up the rest. */
  async function retry(waiting: Waiting): Promise<void> {
    await delay(waiting.delayMs);
    waiting.delayMs = Math.min(waiting.delayMs * 2, LAST_DELAY_MS);
    queue.push(waiting);
    sendNext();
  }

  return (revocation, owner) => {
    if (owner !== undefined) {
      if (waitingOfClients >= MAX_WAITING) return onFailure(new Error("too many revocations wait for the store"));
      waitingOfClients += 1;
    }
    queue.push({ revocation, owner, delayMs: FIRST_DELAY_MS });
    sendNext();
  };
}
