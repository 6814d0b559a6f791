import { OAuthError } from "../oauth/error.js";

/** Where a hash comes from. */
export interface Origin {
  /** Where the request comes from. */
  readonly address: string;
  /** Whether the address has too many failed logins. */
  readonly isNoisy: boolean;
}

/** Bounds how many slow hashes run and wait. */
export interface SlowHashQueue {
  /** Throws `temporarily_unavailable` if too many wait. */
  run<Result>(work: () => Promise<Result>, origin?: Origin): Promise<Result>;
}

interface Waiter {
  readonly origin: Origin;
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
}

const SOMEWHERE: Origin = { address: "", isNoisy: false };

/**
 * Two hashes at a time leave two of the four threads of Node's pool to files and DNS. Sixteen waiting hashes of some
 * 100 ms take about a second. Noisy addresses never have all places. When the queue is full, the address with the most
 * waiting hashes loses one: a flood displaces itself first.
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

  /** Resolves when the caller has a place. */
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

/** The newest of the address with the most waiting. Among equals, the newest of all. */
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
