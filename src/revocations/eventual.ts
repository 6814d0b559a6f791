/**
 * Retries revocations until they are stored, while no request waits: those after a reused refresh token, and those of
 * clients that the settings have removed.
 */
import type { Revocation } from "../oauth/revocation.js";
import type { RevocationLog } from "../storage/revocation-log.js";

/**
 * The most revocations of clients that wait for a store that is away. One beyond is dropped; a later reuse of the token
 * publishes it again, because the family's tombstone stays.
 */
const MAX_WAITING = 10_000;
/** Thousands sent together would time out while they wait for one another. */
const AT_ONCE = 32;
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 5000;

/**
 * Returns at once. `owner` is the client whose token led to the revocation. It is undefined for a change of the
 * settings: those are no more than there are clients, and none is dropped.
 */
export type RevokeEventually = (revocation: Revocation, owner: string | undefined) => void;

export interface EventualRevocationDependencies {
  readonly log: Pick<RevocationLog, "publish">;
  /** Resolves after so many milliseconds, or sooner when the server stops. */
  readonly delay: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
  /** Called for each try that fails. */
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

  /** A waiting revocation gives up its place: one that a quota delays must not delay the others. */
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
