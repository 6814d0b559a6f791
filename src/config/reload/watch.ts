/** Reloads the settings when their files change, or when the operator asks. */
import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config.js";
import type { Fingerprint } from "../../files/fingerprint.js";
import { watchFiles } from "../../files/watch.js";
import { needsRestart } from "./needs-restart.js";
import { inParts } from "./packed-config.js";
import { ConfigProblems } from "../reading/problem.js";

export interface ConfigWatch {
  /** What the server started with. */
  readonly started: Config;
  /** Reads all settings; rejects with `ConfigProblems`. */
  readonly read: () => Promise<Config>;
  /** A good state that differs from the one before, or was asked for; and the changed settings that need a restart. */
  readonly onGood: (config: Config, restartFor: readonly string[], trigger: "file" | "signal") => void;
  /** A state that was refused whole: the good one before stays. */
  readonly onBad: (error: unknown, trigger: "file" | "signal") => void;
  /** Gets what nothing expected, such as an error of the two above. The watch goes on. */
  readonly onFault: (error: unknown) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds. */
  readonly intervalMs?: number;
  readonly fingerprint: Fingerprint;
}

/** Watches until the signal aborts. `reloadNow` reads at once, changed or not: for SIGHUP. */
export function watchConfig(watch: ConfigWatch): { readonly reloadNow: () => void } {
  const { started, read, onGood, onBad, onFault, fingerprint, signal, intervalMs } = watch;
  let good = started;
  let files: readonly string[] = started.files;
  /** The last refusal: the same one is reported once. */
  let refused: string | undefined;

  const reload = async (isAskedFor: boolean) => {
    if (signal.aborted) return;
    const trigger = isAskedFor ? "signal" : "file";
    try {
      const config = await read();
      if (isAskedFor || refused !== undefined || !(await isSame(config, good))) {
        if (signal.aborted) return;
        onGood(config, needsRestart(started, config), trigger);
        good = config; // of two equal ones, the older stays and the newer is freed
        files = config.files;
      }
      refused = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ConfigProblems) files = [...new Set([...good.files, ...error.files])];
      else watching.retryLater();
      if (isAskedFor || String(error) !== refused) onBad(error, trigger);
      refused = String(error);
    }
  };
  /** One reading after the other: the last one counts. */
  let reloading = Promise.resolve();
  const reloadInTurn = (isAskedFor: boolean) => (reloading = reloading.then(() => reload(isAskedFor)).catch(onFault));
  let isAsked = false;
  const reloadNow = () => {
    // A request that has not begun yet also serves the requests after it.
    if (isAsked) return;
    isAsked = true;
    void reloading.then(() => (isAsked = false));
    void reloadInTurn(true);
  };

  const watching = watchFiles({
    fingerprint,
    targets: () => ({ files, patterns: good.filePatterns }),
    onChange: () => reloadInTurn(false),
    onFault,
    signal,
    intervalMs,
  });
  return { reloadNow };
}

/** Compares in parts, since there may be many clients and the server answers requests meanwhile. */
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
