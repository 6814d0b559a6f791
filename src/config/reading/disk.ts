/** The files of the settings, as a port: tests need no disk, and nothing else reads one. */
import { globSync, readFileSync, realpathSync, statSync } from "node:fs";
import { MAX_FILE_BYTES } from "../../files/fingerprint.js";

/** Reads files. Paths are absolute. */
export interface ConfigDisk {
  /** The file as UTF-8. Throws an `Error` whose `code` says why it cannot be read, such as ENOENT. */
  read(path: string): string;
  /** Whether the path names a file that may be read. */
  exists(path: string): boolean;
  /** Files that match a pattern (`*`, `**`, `?`), sorted, each once whatever links lead to it. */
  list(pattern: string): readonly string[];
}

/** The error code for a pipe or a device. */
const NO_FILE = "NOFILE";

/** The machine's own disk. */
export const localDisk: ConfigDisk = {
  read(path) {
    const found = statSync(path);
    // A server reads again, and a thread that waits for a pipe's writer cannot be ended.
    if (!found.isFile() && !found.isDirectory()) throw Object.assign(new Error("no file"), { code: NO_FILE });
    return readText(path, found.size);
  },
  exists(path) {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
  },
  list(pattern) {
    return withoutRepeats(globSync(pattern), (path) => realpathSync(path));
  },
};

/** The same with pipes, for a single reading: `icemint check-config <(helm template ...)`. */
export const localDiskAndPipes: ConfigDisk = { ...localDisk, read: (path) => readText(path, statSync(path).size) };

function readText(path: string, size: number): string {
  if (size > MAX_FILE_BYTES) throw Object.assign(new Error("file too large"), { code: "EFBIG" });
  return readFileSync(path, "utf8");
}

/**
 * A mounted ConfigMap shows each file twice, once under its hidden `..data` folder: hidden names are left out, and of
 * several links to one file the first stays.
 */
function withoutRepeats(paths: readonly string[], real: (path: string) => string): readonly string[] {
  const byTarget = new Map<string, string>();
  for (const path of paths.toSorted()) {
    if (path.split("/").some((part) => part.startsWith("..") && part !== "..")) continue;
    const target = real(path);
    if (!byTarget.has(target)) byTarget.set(target, path);
  }
  return [...byTarget.values()];
}

/** Why a file cannot be read, in words. */
export function spellReadError(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "there is no such file";
    case "EACCES":
    case "EPERM":
      return "the file may not be read by this user";
    case "EISDIR":
      return "it is a folder, not a file";
    case NO_FILE:
      return "it is a pipe or a device, and a server needs a file, which it can read again";
    case "EFBIG":
      return "the file is too large";
    default:
      return typeof code === "string" ? `the file cannot be read (${code})` : "the file cannot be read";
  }
}
