import { OAuthError } from "../oauth/error.js";

/** Runs work that is slow by design, a little at a time. */
export interface SlowHashQueue {
  /** Runs `work` when there is room. Throws `temporarily_unavailable` at once if too much waits already. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

/**
 * Makes a queue. Two hashes at once leave the other threads of Node's pool (four by default) to files and names; with
 * sixteen waiting, at some 100 ms each, nobody waits for much more than a second.
 */
export function createSlowHashQueue({ atOnce = 2, waitingAtMost = 16 } = {}): SlowHashQueue {
  const waiting: (() => void)[] = [];
  let running = 0;

  return {
    async run(work) {
      if (running < atOnce) running++;
      else if (waiting.length < waitingAtMost) await new Promise<void>((resolve) => waiting.push(resolve));
      else throw overloaded();
      try {
        return await work();
      } finally {
        // The place goes to the next in line, if there is one, without becoming free in between.
        const next = waiting.shift();
        if (next) next();
        else running--;
      }
    },
  };
}

function overloaded(): OAuthError {
  return new OAuthError(
    "temporarily_unavailable",
    "OVERLOADED",
    "Too many authentications wait. Try again in a second.",
    { retryAfterSeconds: 1, detail: "the queue of slow secret hashes is full" },
  );
}
