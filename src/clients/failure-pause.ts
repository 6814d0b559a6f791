/**
 * Failed assertions take the same time, whether or not their keys are fetched. Otherwise the time would tell which
 * clients exist and have a `jwks_uri`.
 */
import { setImmediate, setTimeout as sleep } from "node:timers/promises";

/** The longest wait for keys. Shorter than the pause: a fetch never shows in the time of a failure. */
export const FETCH_WAIT_MS = 400;
/** A failed assertion is answered so long after it came. */
export const FAILURE_PAUSE_MS = 500;

/** Waits; ends early, without an error, when the signal is aborted. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** The pause of one assertion. */
export interface FailurePause {
  /** Resolves with the value, or with undefined after `FETCH_WAIT_MS`. */
  inTime<T>(value: Promise<T>): Promise<T | undefined>;
  /** Resolves when a failure may be answered. */
  over(): Promise<void>;
  /** Frees the place. */
  end(): void;
}

const byTimer: Wait = (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => {});

/**
 * At most `atMost` assertions wait at the same time: a flood must not hold memory. Beyond that, every assertion is
 * answered at once, for known and unknown clients alike.
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

/** Accepts only a value that is already there. */
const NO_PAUSE: FailurePause = {
  inTime: (value) => Promise.race([value, setImmediate(undefined)]),
  over: () => Promise.resolve(),
  end: () => {},
};
