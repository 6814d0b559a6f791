/**
 * Files that settings name, relative to the settings file. A missing one is reported at the start, not at its first
 * use.
 */
import { dirname, resolve } from "node:path";
import { type ConfigDisk, spellReadError } from "./disk.js";
import type { Findings, Spot } from "./problem.js";

export interface FileSurroundings {
  /** The file that names others; undefined without one: then paths start from the working folder. */
  readonly file: string | undefined;
  readonly disk: ConfigDisk;
  readonly findings: Findings;
  /** Whether a missing file is only a warning: for checks far from the deployment. */
  readonly lenient: boolean;
}

/** Resolves the paths of one settings file. */
export interface SettingFiles {
  /** The absolute path; reports if there is no such file. */
  path(path: string | undefined, spot: Spot): string | undefined;
  /** The contents of a file with a secret. The settings then depend on it. Reports a file that cannot be read. */
  secret(path: string | undefined, spot: Spot): string | undefined;
  /** The absolute path of a file with a secret that is read when it is needed. Reports one that cannot be read, or is empty. */
  secretPath(path: string | undefined, spot: Spot): string | undefined;
  /** The absolute path of a file or pattern that need not be there. */
  absolute(path: string): string;
}

/** Resolves paths from the folder of `file`. */
export function settingFiles({ file, disk, findings, lenient }: FileSurroundings): SettingFiles {
  const directory = dirname(resolve(file ?? "icemint.yaml"));
  const missing = (spot: Spot, reason: string) =>
    lenient ? findings.warning(spot, reason) : findings.problem(spot, reason);
  const absolute = (path: string) => resolve(directory, path);
  return {
    absolute,
    path(path, spot) {
      if (path === undefined) return undefined;
      if (!disk.exists(absolute(path))) missing(spot, "names a file that is not there");
      return absolute(path);
    },
    secret(path, spot) {
      if (path === undefined) return undefined;
      findings.dependsOn(absolute(path));
      try {
        return checkedSecret(disk.read(absolute(path)), spot, findings);
      } catch (error) {
        missing(spot, `cannot be read: ${spellReadError(error)}`);
        return undefined;
      }
    },
    secretPath(path, spot) {
      if (path === undefined) return undefined;
      try {
        if (checkedSecret(disk.read(absolute(path)), spot, findings) === "") {
          findings.problem(spot, "names a file that is empty");
        }
      } catch (error) {
        missing(spot, `cannot be read: ${spellReadError(error)}`);
      }
      return absolute(path);
    },
  };
}

/** An editor may add what nobody sees. It would be a part of the secret, and anyone who types the secret lacks it. */
function checkedSecret(text: string, spot: Spot, findings: Findings): string {
  const secret = withoutLineEnd(text);
  if (secret.startsWith("\uFEFF")) {
    findings.warning(
      spot,
      "names a file that begins with a byte order mark, which is part of the secret: save it without one",
    );
  } else if (secret !== secret.trim()) {
    findings.warning(spot, "names a file that begins or ends with white space, which is part of the secret: remove it");
  }
  return secret;
}

/** The contents without the line end that editors and `echo` add. */
export function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, "");
}
