/**
 * Reloads the settings when their files change. By polling, for what works with every editor, mount and file system. A
 * change is taken when two looks in a row agree, so that a file that is being written is not read half.
 */
import { isDeepStrictEqual } from "node:util";
import type { Config } from "./config.js";
import { fingerprintFiles } from "./file-fingerprint.js";
import { needsRestart } from "./needs-restart.js";
import { ConfigProblems } from "./problem.js";

/** What is watched, and who is told. */
export interface ConfigWatch {
  /** What the server started with. */
  readonly started: Config;
  /** Reads all settings anew; throws `ConfigProblems`. */
  readonly read: () => Config;
  /** A good state that differs from the one before, or was asked for; and the changed settings that need a restart. */
  readonly onGood: (config: Config, restartFor: readonly string[]) => void;
  /** A state that was refused whole: the good one before stays. */
  readonly onBad: (error: unknown) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds. */
  readonly intervalMs?: number;
  readonly fingerprint?: typeof fingerprintFiles;
}

/** Two looks and a reading stay below the promised 2 s. */
const INTERVAL_MS = 500;

/** Watches until the signal aborts. `reloadNow` reads at once, changed or not: for SIGHUP. */
export function watchConfig(watch: ConfigWatch): { readonly reloadNow: () => void } {
  const { started, read, onGood, onBad, signal, intervalMs = INTERVAL_MS, fingerprint = fingerprintFiles } = watch;
  let good = started;
  let files: readonly string[] = started.files;
  /** What was read last; unknown at first, for a file may have changed since the start read it. */
  let seen: string | undefined;
  let pending: string | undefined;

  /** What was refused last: the same again is not worth telling. */
  let refused: string | undefined;

  const reload = (isAskedFor: boolean) => {
    try {
      const config = read();
      if (isAskedFor || refused !== undefined || !isDeepStrictEqual(config, good)) {
        onGood(config, needsRestart(started, config));
        good = config; // only then: of two that are alike, one would be kept for nothing
        files = config.files;
      }
      refused = undefined;
    } catch (error) {
      if (error instanceof ConfigProblems) files = [...new Set([...good.files, ...error.files])];
      if (isAskedFor || String(error) !== refused) onBad(error);
      refused = String(error);
    }
  };
  const look = async () => {
    const now = await fingerprint(files, good.filePatterns);
    if (signal.aborted) return;
    if (now === seen) pending = undefined;
    else if (now !== pending) pending = now;
    else {
      seen = now;
      pending = undefined;
      reload(false);
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
  return { reloadNow: () => reload(true) };
}
