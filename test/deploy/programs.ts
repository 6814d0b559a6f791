/**
 * The programs that these tests run (helm, kubeconform, hadolint, promtool): where they are, and how they are called.
 * `test/deploy/tools.sh` makes those that are missing; what is not found is skipped, with the reason in the name.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

/** A program that was found or not; `reason` ends the name of a skipped suite. */
export interface Program {
  readonly missing: boolean;
  readonly reason: string;
  /** Standard output and error together, and the exit code. */
  run(...args: readonly string[]): { readonly code: number; readonly output: string };
}

export function program(name: string): Program {
  const cache = process.env["ICEMINT_TOOLS"] ?? join(homedir(), ".cache", "icemint-tools");
  const path = [...(process.env["PATH"] ?? "").split(delimiter), cache]
    .map((folder) => join(folder, name))
    .find(isExecutable);
  return {
    missing: path === undefined,
    reason: path === undefined ? ` (skipped: no ${name}, run test/deploy/tools.sh)` : "",
    run(...args) {
      if (path === undefined) throw new Error(`${name} is not installed`);
      const done = spawnSync(path, args, { cwd: projectRoot, encoding: "utf8", timeout: 60_000 });
      return { code: done.status ?? -1, output: done.stdout + done.stderr };
    },
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
