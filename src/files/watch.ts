/**
 * Watches files by polling, which works with every editor, mount and file system. Kubernetes renews a mounted Secret by
 * swapping a link two folders up, which file notifications miss. A change counts once two looks in a row agree on it: a
 * file that is still being written is not read half.
 */
import { MINUTE } from "../time/clock.js";
import type { Fingerprint } from "./fingerprint.js";

/** Two looks and a reading stay below the promised 2 s. */
const INTERVAL_MS = 500;
const LOOKS_UNTIL_RETRY = MINUTE / INTERVAL_MS;

export interface FileWatch {
  readonly fingerprint: Fingerprint;
  /** Asked before each look: the contents of one file may name others. */
  readonly targets: () => { readonly files: readonly string[]; readonly patterns?: readonly string[] };
  /** The next look waits for it. */
  readonly onChange: () => Promise<void>;
  /** Gets what nothing expected; the next look is made all the same. */
  readonly onFault: (error: unknown) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  readonly intervalMs?: number | undefined;
}

/**
 * Starts to watch. The first state counts as a change, since a file may have changed after the caller read it.
 * `retryLater` calls `onChange` again in a minute: for a failure that the files did not cause, such as lack of memory.
 */
export function watchFiles(watch: FileWatch): { readonly retryLater: () => void } {
  const { fingerprint, targets, onChange, onFault, signal, intervalMs = INTERVAL_MS } = watch;
  let settled: string | undefined;
  let candidate: string | undefined;
  let looksUntilRetry = 0;
  let timer: NodeJS.Timeout | undefined;

  const look = async () => {
    const { files, patterns = [] } = targets();
    const seen = await fingerprint(files, patterns);
    if (signal.aborted) return;
    if (looksUntilRetry > 0 && --looksUntilRetry === 0) settled = undefined;
    if (seen === settled) candidate = undefined;
    else if (seen !== candidate) candidate = seen;
    else {
      settled = seen;
      candidate = undefined;
      await onChange();
    }
  };
  const lookAndGoOn = async () => {
    await look().catch(onFault);
    if (!signal.aborted) timer = setTimeout(() => void lookAndGoOn(), intervalMs).unref();
  };
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  if (!signal.aborted) void lookAndGoOn();
  return { retryLater: () => void (looksUntilRetry = LOOKS_UNTIL_RETRY) };
}
