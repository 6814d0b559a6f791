/** Settings in memory: files by path, a fixed clock, and what a reading found. */
import { Buffer } from "node:buffer";
import { matchesGlob } from "node:path";
import type { Config } from "../../src/config/config.js";
import type { ConfigDisk } from "../../src/config/reading/disk.js";
import { ConfigProblems } from "../../src/config/reading/problem.js";
import { readConfig } from "../../src/config/read.js";

export const NOW = Date.parse("2026-08-01T00:00:00Z");
export const SEALING_KEY = Buffer.alloc(32, 7).toString("base64");
/** A secret that may stand in a variable or file. */
export const LONG_SECRET = "a-secret-of-24-characters";
/** The digest of a secret that nobody guesses. */
export const DIGEST = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

export function memoryDisk(files: Readonly<Record<string, string>>): ConfigDisk {
  return {
    read(path) {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
      return text;
    },
    exists: (path) => Object.hasOwn(files, path),
    list: (pattern) =>
      Object.keys(files)
        .filter((path) => matchesGlob(path, pattern))
        .toSorted(),
  };
}

export interface Given {
  /** The text of /etc/icemint.yaml; absent: no file. */
  readonly yaml?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly withoutSecrets?: boolean;
}

export function read({ yaml, files = {}, env = {}, withoutSecrets = false }: Given): Config {
  const all = yaml === undefined ? files : { ...files, "/etc/icemint.yaml": yaml };
  return readConfig({
    file: yaml === undefined ? undefined : "/etc/icemint.yaml",
    env,
    disk: memoryDisk(all),
    clock: () => NOW,
    withoutSecrets,
  });
}

/** The problems of settings that are refused. */
export function refusal(given: Given): ConfigProblems {
  try {
    read(given);
  } catch (error) {
    if (error instanceof ConfigProblems) return error;
    throw error;
  }
  throw new Error("the settings were accepted");
}

/** The problems as `path reason`. */
export function problems(given: Given): readonly string[] {
  return refusal(given).problems.map(({ path, reason }) => (path === "" ? reason : `${path} ${reason}`));
}

/** A client that can authenticate, with more YAML (flow style) inside. */
export function client(id: string, more = ""): string {
  return `{ id: ${id}, federated: [{ issuer: https://idp.example.com, subject: ${id} }]${more === "" ? "" : `, ${more}`} }`;
}

/** A settings file with these clients, and the issuer that they come from. */
export function withClients(...clients: readonly string[]): string {
  return [
    "trusted_issuers:",
    "  - { issuer: https://idp.example.com, discovery: true, use: [client_assertion] }",
    "clients:",
    ...clients.map((one) => `  - ${one}`),
  ].join("\n");
}
