/** The wait before another attempt. */
import { setTimeout as sleep } from "node:timers/promises";
import { SECOND } from "../time/clock.js";

/** A number from 0 up to, not including, 1. */
export type Random = () => number;

/** Waits, and rejects as soon as the signal aborts. `ref: false` lets the process end meanwhile. */
export type Pause = (ms: number, options: { readonly signal: AbortSignal; readonly ref: boolean }) => Promise<unknown>;

export const realPause: Pause = (ms, options) => sleep(ms, undefined, options);

const FIRST_MS = 0.5 * SECOND;
const MAX_RETRY_AFTER_MS = 60 * SECOND;

/**
 * The wait after a number of failures in a row, in milliseconds. It doubles from half a second up to `longestMs`. Up to
 * a half is cut at random: clients that failed together come back apart. The server's own wait (`Retry-After`,
 * `RetryInfo`) is the least, up to a minute.
 */
export function backoffMs(
  failures: number,
  options: { readonly random: Random; readonly longestMs: number; readonly retryAfterMs?: number | undefined },
): number {
  const { random, longestMs, retryAfterMs = 0 } = options;
  const step = Math.min(FIRST_MS * 2 ** Math.max(0, failures - 1), longestMs);
  const asked = Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
  return Math.max(step * (1 - random() / 2), asked * (1 + random() / 4));
}
