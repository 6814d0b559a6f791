/**
 * Keys from files, such as a mounted Secret. The first file signs, all verify, and a changed file takes effect within
 * two seconds. Nothing rotates by itself: the operator replaces the files (docs/keys.md).
 */
import { readFile } from "node:fs/promises";
import { createFingerprint } from "../files/fingerprint.js";
import { watchFiles } from "../files/watch.js";
import type { Clock } from "../time/clock.js";
import { readKeyFile, type FileKey } from "./key-file.js";
import type { KeyOperations } from "./key-operations.js";
import type { Log } from "../oauth/log.js";
import type { KeyRing } from "./key-ring.js";
import { oneAtATime } from "./one-at-a-time.js";
import { OutsideRing } from "./outside-ring.js";
import type { RotationPolicy } from "./rotation.js";
import type { SigningAlgorithm } from "./signer.js";

const HOW_TO_CHANGE = "Keys come from files: put another private key first in keys.files.";

export interface FileKeyRingOptions {
  /** The first signs; it must be private. */
  readonly paths: readonly string[];
  /** What an RSA key signs with; of a curve only one algorithm is possible. */
  readonly algorithm: SigningAlgorithm;
  readonly policy: RotationPolicy;
  readonly clock: Clock;
  readonly log: Log;
}

/** A ring whose keys are made elsewhere and looked at again and again. */
export interface OutsideKeyRing extends KeyRing, KeyOperations, AsyncDisposable {
  /** Begins to look for changes. */
  start(): void;
  close(): Promise<void>;
  /** Looks for changes now. Never throws: what cannot be used is reported, and the keys stay as they are. */
  refresh(): Promise<void>;
}

/** Reads the files. Throws an Error that names every file that cannot be used, and why. */
export async function createFileKeyRing(options: FileKeyRingOptions): Promise<OutsideKeyRing> {
  const { clock, policy } = options;
  const ring = new OutsideRing({ clock, policy, howToChange: HOW_TO_CHANGE });
  const files = new WatchedFiles(ring, options);
  await files.load();
  return {
    ...ring.operations(),
    start: () => files.start(),
    close: () => files.close(),
    refresh: () => files.refresh(),
    [Symbol.asyncDispose]: () => files.close(),
  };
}

class WatchedFiles {
  readonly #ring: OutsideRing;
  readonly #options: FileKeyRingOptions;
  readonly #inTurn = oneAtATime();
  #texts: readonly string[] | undefined;
  #activeSince: ReadonlyMap<string, number> = new Map();
  readonly #closing = new AbortController();
  #refused: string | undefined;

  constructor(ring: OutsideRing, options: FileKeyRingOptions) {
    this.#ring = ring;
    this.#options = options;
  }

  /** Reads the files and shows their keys; tells whether anything changed. */
  async load(): Promise<boolean> {
    const { paths, algorithm, clock } = this.#options;
    const texts = await Promise.all(paths.map(readText));
    if (this.#texts !== undefined && texts.every((text, index) => text === this.#texts?.[index])) return false;
    const keys = usableKeys(paths, texts, algorithm);
    const [first] = keys;
    const kid = first?.publicJwk.kid ?? "";
    this.#activeSince = new Map([[kid, this.#activeSince.get(kid) ?? clock()]]);
    this.#ring.show(keys.map((key) => ({ ...key, activatesAt: this.#activeSince.get(key.publicJwk.kid) ?? Infinity })));
    this.#texts = texts;
    return true;
  }

  start(): void {
    const { paths, clock, log } = this.#options;
    watchFiles({
      fingerprint: createFingerprint({ clock }),
      targets: () => ({ files: paths }),
      onChange: () => this.refresh(),
      onFault: (error) => log.fault("keys", error),
      signal: this.#closing.signal,
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  refresh(): Promise<void> {
    const { log } = this.#options;
    return this.#inTurn(async () => {
      try {
        if (await this.load()) log.info("took up changed key files", { kids: [...this.#activeSince.keys()] });
        this.#refused = undefined;
      } catch (error) {
        const reason = String(error);
        if (reason !== this.#refused) log.warn("key files refused: keys stay as they are", { err: error });
        this.#refused = reason;
      }
    });
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new Error(`keys.files: ${path} cannot be read (${reason})`, { cause: error });
  }
}

function usableKeys(
  paths: readonly string[],
  texts: readonly string[],
  algorithm: SigningAlgorithm,
): readonly FileKey[] {
  const problems: string[] = [];
  const keys = texts.flatMap((text, index) => {
    try {
      return [readKeyFile(text, algorithm)];
    } catch (error) {
      problems.push(`${paths[index]} ${error instanceof Error ? error.message : "cannot be used"}`);
      return [];
    }
  });
  const kids = new Set(keys.map(({ publicJwk }) => publicJwk.kid));
  if (problems.length === 0 && keys[0]?.signer === undefined) problems.push("the first must hold a private key");
  if (kids.size < keys.length) problems.push("the same key is there twice");
  if (problems.length > 0) throw new Error(`keys.files: ${problems.join("; ")}`);
  return keys;
}
