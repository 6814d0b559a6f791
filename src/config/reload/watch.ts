/**
 * Reloads the settings when their files change. By polling, for what works with every editor, mount and file system. A
 * change is taken when two looks in a row agree, so that a file that is being written is not read half.
 */
import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { MINUTE } from "../../time/clock.js";
import type { Config } from "../config.js";
import type { Fingerprint } from "./file-fingerprint.js";
import { needsRestart } from "./needs-restart.js";
import { inParts } from "./packed-config.js";
import { ConfigProblems } from "../reading/problem.js";

/** What is watched, and who is told. */
export interface ConfigWatch {
  /** What the server started with. */
  readonly started: Config;
  /** Reads all settings anew; rejects with `ConfigProblems`. */
  readonly read: () => Promise<Config>;
  /** A good state that differs from the one before, or was asked for; and the changed settings that need a restart. */
  readonly onGood: (config: Config, restartFor: readonly string[]) => void;
  /** A state that was refused whole: the good one before stays. */
  readonly onBad: (error: unknown) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds. */
  readonly intervalMs?: number;
  readonly fingerprint: Fingerprint;
}

/** Two looks and a reading stay below the promised 2 s. */
const INTERVAL_MS = 500;
const LOOKS_UNTIL_RETRY = MINUTE / INTERVAL_MS;

/** Watches until the signal aborts. `reloadNow` reads at once, changed or not: for SIGHUP. */
export function watchConfig(watch: ConfigWatch): { readonly reloadNow: () => void } {
  const { started, read, onGood, onBad, fingerprint, signal, intervalMs = INTERVAL_MS } = watch;
  let good = started;
  let files: readonly string[] = started.files;
  /** What was read last; unknown at first, for a file may have changed since the start read it. */
  let seen: string | undefined;
  let pending: string | undefined;

  /** Counts down after a reading that failed for no fault of the settings, such as want of memory. */
  let looksUntilRetry = 0;
  /** What was refused last: the same again is not worth telling. */
  let refused: string | undefined;

  const reload = async (isAskedFor: boolean) => {
    if (signal.aborted) return;
    try {
      const config = await read();
      if (isAskedFor || refused !== undefined || !(await isSame(config, good))) {
        if (signal.aborted) return;
        onGood(config, needsRestart(started, config));
        good = config; // only then: of two that are alike, one would be kept for nothing
        files = config.files;
      }
      refused = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ConfigProblems) files = [...new Set([...good.files, ...error.files])];
      else looksUntilRetry = LOOKS_UNTIL_RETRY;
      if (isAskedFor || String(error) !== refused) onBad(error);
      refused = String(error);
    }
  };
  /** One reading after the other: what was read last is what holds. */
  let reloading = Promise.resolve();
  const reloadInTurn = (isAskedFor: boolean) => (reloading = reloading.then(() => reload(isAskedFor)));
  let isAsked = false;
  const reloadNow = () => {
    // Whoever asks while one that was asked for has yet to begin is served by that one.
    if (isAsked) return;
    isAsked = true;
    void reloading.then(() => (isAsked = false));
    void reloadInTurn(true);
  };

  const look = async () => {
    const now = await fingerprint(files, good.filePatterns);
    if (signal.aborted) return;
    if (looksUntilRetry > 0 && --looksUntilRetry === 0) seen = undefined;
    if (now === seen) pending = undefined;
    else if (now !== pending) pending = now;
    else {
      seen = now;
      pending = undefined;
      await reloadInTurn(false);
    }
  };
  const lookAndGoOn = () => {
    void look().finally(() => {
      if (!signal.aborted) timer = setTimeout(lookAndGoOn, intervalMs).unref();
    });
  };
  let timer: NodeJS.Timeout | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  if (!signal.aborted) lookAndGoOn();
  return { reloadNow };
}

/** Whether two readings say the same, compared part by part: there may be many clients, and requests to answer. */
async function isSame(
  { clients, ...settings }: Config,
  { clients: others, ...otherSettings }: Config,
): Promise<boolean> {
  if (clients.length !== others.length || !isDeepStrictEqual(settings, otherSettings)) return false;
  const otherParts = inParts(others);
  for (const [index, part] of inParts(clients).entries()) {
    if (!isDeepStrictEqual(part, otherParts[index])) return false;
    await setImmediate();
  }
  return true;
}
