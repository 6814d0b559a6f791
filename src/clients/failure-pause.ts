/**
 * Makes failed assertions take the same time, whether or not keys had to be fetched for them. Else the wait would tell
 * which clients exist and have a `jwks_uri`.
 */
import { setImmediate, setTimeout as sleep } from "node:timers/promises";

/** How long keys are waited for, and when a failed assertion is answered, in milliseconds. */
export const FETCH_WAIT_MS = 400;
export const FAILURE_PAUSE_MS = 500;

/** Waits; ends early, without an error, when the signal is aborted. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** The wait of one assertion. */
export interface FailurePause {
  /** Resolves with the value, or with undefined once it has been waited for long enough. */
  inTime<T>(value: Promise<T>): Promise<T | undefined>;
  /** Resolves when a failure may be answered. */
  over(): Promise<void>;
  /** Frees the place. */
  end(): void;
}

/** Node's own timer. */
const byTimer: Wait = (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => {});

/**
 * Makes the pauses of this process. At most `atMost` wait at once, so that a flood holds no memory: the assertions beyond
 * are answered at once, and nothing is waited for, whoever they are of.
 */
export function createFailurePauses({
  wait = byTimer,
  atMost = 64,
}: { wait?: Wait | undefined; atMost?: number } = {}) {
  let open = 0;
  return {
    begin(): FailurePause {
      if (open >= atMost) return NO_PAUSE;
      open++;
      const ended = new AbortController();
      const fetched = wait(FETCH_WAIT_MS, ended.signal);
      const over = wait(FAILURE_PAUSE_MS, ended.signal);
      return {
        inTime: (value) => Promise.race([value, fetched.then(() => undefined)]),
        over: () => over,
        end() {
          open--;
          ended.abort();
        },
      };
    },
  };
}

/** Waits for what is there already, and no longer. */
const NO_PAUSE: FailurePause = {
  inTime: (value) => Promise.race([value, setImmediate(undefined)]),
  over: () => Promise.resolve(),
  end: () => {},
};
