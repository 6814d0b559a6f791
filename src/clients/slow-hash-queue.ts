import { OAuthError } from "../oauth/error.js";

/** Whom work is done for. */
export interface Origin {
  /** Where the request comes from. */
  readonly address: string;
  /** Whether too many failures came from there already. */
  readonly isNoisy: boolean;
}

/** Runs work that is slow by design, a little at a time. */
export interface SlowHashQueue {
  /** Runs `work` when there is room. Throws `temporarily_unavailable` if too much waits. */
  run<Result>(work: () => Promise<Result>, origin?: Origin): Promise<Result>;
}

interface Waiter {
  readonly origin: Origin;
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
}

const SOMEWHERE: Origin = { address: "", isNoisy: false };

/**
 * Makes a queue. Two hashes at once leave the other threads of Node's pool (four by default) to files and names; with
 * sixteen waiting, at some 100 ms each, nobody waits for much more than a second. Noisy addresses never have all places.
 * When too much waits, the address that has the most waiting loses one: a flood crowds out itself first.
 */
export function createSlowHashQueue({ atOnce = 2, waitingAtMost = 16 } = {}): SlowHashQueue {
  const waiting: Waiter[] = [];
  const noisyAtOnce = Math.max(1, atOnce - 1);
  let running = 0;
  let noisyRunning = 0;

  const mayStart = ({ isNoisy }: Origin): boolean => running < atOnce && !(isNoisy && noisyRunning >= noisyAtOnce);

  function begin({ isNoisy }: Origin): void {
    running++;
    if (isNoisy) noisyRunning++;
  }

  function end({ isNoisy }: Origin): void {
    running--;
    if (isNoisy) noisyRunning--;
    const next = waiting.findIndex(({ origin }) => mayStart(origin));
    const [waiter] = next < 0 ? [] : waiting.splice(next, 1);
    if (waiter === undefined) return;
    begin(waiter.origin);
    waiter.start();
  }

  /** Waits for a place, which is taken when this resolves. */
  function place(origin: Origin): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.push({ origin, start: resolve, refuse: reject });
    if (waiting.length > waitingAtMost) waiting.splice(loserOf(waiting), 1)[0]?.refuse(overloaded());
    return promise;
  }

  return {
    async run(work, origin = SOMEWHERE) {
      if (mayStart(origin)) begin(origin);
      else await place(origin);
      try {
        return await work();
      } finally {
        end(origin);
      }
    },
  };
}

/** The newest of the address that has the most waiting; of several such addresses, the one that came last. */
function loserOf(waiting: readonly Waiter[]): number {
  const counts = new Map<string, number>();
  for (const { origin } of waiting) counts.set(origin.address, (counts.get(origin.address) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return waiting.findLastIndex(({ origin }) => counts.get(origin.address) === most);
}

function overloaded(): OAuthError {
  return new OAuthError(
    "temporarily_unavailable",
    "OVERLOADED",
    "Too many authentications wait. Try again in a second.",
    { detail: "the queue of slow secret hashes is full" },
  );
}
