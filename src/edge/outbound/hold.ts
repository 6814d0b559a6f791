import { TokenError } from "../../client/token-error.js";
import type { Pause } from "../../client/backoff.js";
import { SECOND } from "../../time/clock.js";

/** How long an engine's request waits for a token service that is away: engines in Go, Rust and Python never retry. */
export const HOLD_MS = 10 * SECOND;

/** Waits for a token, but no longer than an engine should. What was asked for goes on without it. */
export async function held<T>(promise: Promise<T>, ms: number, pause: Pause): Promise<T> {
  const done = new AbortController();
  const timeout = pause(ms, { signal: done.signal, ref: true }).then(() => {
    throw new TokenError("unavailable", `the token service has not answered within ${ms} ms`);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    done.abort();
  }
}
