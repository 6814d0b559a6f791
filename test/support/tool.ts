/**
 * The foreign programs that the tests in `*.real.test.ts` run: where they are, and how they are called. `test/tools.sh`
 * makes most of those that are missing. What is not found is skipped, and the reason ends the name of what is skipped.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

/** Where `test/tools.sh` puts what it makes. */
const CACHE = process.env["ICEMINT_TOOLS"] ?? join(homedir(), ".cache", "icemint-tools");

/** PATH for a shell that finds the tools as well. Debian has servers in a folder that users do not have on theirs. */
export const PATH_WITH_TOOLS = [process.env["PATH"] ?? "", CACHE, "/usr/sbin"].join(delimiter);

/** A program that was found or not. */
export interface Tool {
  readonly path: string;
  readonly missing: boolean;
  /** Ends the name of a suite: nothing if the program is there. */
  readonly reason: string;
  /** Standard output and error together, and the exit code. */
  run(...args: readonly string[]): { readonly code: number; readonly output: string };
}

/** Finds a program by its name, on PATH or among the tools; `how` says how to get it. */
export function tool(name: string, how = `sh test/tools.sh ${name}`): Tool {
  const path = PATH_WITH_TOOLS.split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
  return {
    path: path ?? name,
    missing: path === undefined,
    reason: path === undefined ? skipped(`no ${name}: ${how}`) : "",
    run(...args) {
      if (path === undefined) throw new Error(`${name} is not installed`);
      const done = spawnSync(path, args, { cwd: projectRoot, encoding: "utf8", timeout: 60_000 });
      return { code: done.status ?? -1, output: done.stdout + done.stderr };
    },
  };
}

/** How the name of what is skipped ends. */
export function skipped(why: string): string {
  return ` (skipped: ${why})`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
