/**
 * Tells whether files changed, by their contents. Times alone are too coarse, and a mounted Secret changes by swapping a
 * link. Looks are frequent, so a file that surely did not change is not read again.
 */
import { createHash } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, glob, open } from "node:fs/promises";
import { type Clock, MINUTE, SECOND } from "../time/clock.js";

/** A digest of the files' contents and of the names that match the patterns. Never rejects. */
export type Fingerprint = (files: readonly string[], patterns: readonly string[]) => Promise<string>;

export interface FingerprintSources {
  readonly clock: Clock;
  /** Digests a file's contents. */
  readonly digest?: (file: FileHandle) => Promise<string>;
}

/** Nothing larger is read: a wrong path must not fill the memory. */
export const MAX_FILE_BYTES = 32 * 1024 * 1024;

/** Two writes within this time may leave a file with the same times. No file system's times are coarser. */
const COARSENESS_MS = 2 * SECOND;
/** A file is read again after this time, since some file systems keep no useful times. */
const TRUST_MS = MINUTE;
/** A process has few file descriptors, and there may be a client file for each of many teams. */
const FILES_AT_ONCE = 32;

interface Seen {
  readonly look: string;
  readonly digest: string;
  readonly until: number;
}

const MISSING: Seen = { look: "", digest: "missing", until: 0 };

/** For one watch: it remembers what it has read. */
export function createFingerprint({ clock, digest = digestOf }: FingerprintSources): Fingerprint {
  let seen = new Map<string, Seen>();

  async function see(path: string): Promise<Seen> {
    let file: FileHandle | undefined;
    try {
      // Opened even if it is not read then: NFS asks the server for a file's state only when the file is opened.
      // Non-blocking, since a pipe opens only once there is a writer.
      file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      return await seeFile(path, file);
    } catch {
      return MISSING;
    } finally {
      await file?.close();
    }
  }

  async function seeFile(path: string, file: FileHandle): Promise<Seen> {
    const now = clock();
    const found = await file.stat({ bigint: true });
    if (!found.isFile() || found.size > MAX_FILE_BYTES) return { look: "", digest: "not read", until: 0 };
    const look = lookOf(found);
    const before = seen.get(path);
    if (before?.look === look && now < before.until) return before;
    const isSettled = Number(found.ctimeMs) + COARSENESS_MS < now && Number(found.mtimeMs) + COARSENESS_MS < now;
    return { look, digest: await digest(file), until: isSettled ? now + TRUST_MS : 0 };
  }

  return async (files, patterns) => {
    const matches = await Promise.all(patterns.map(matching));
    const paths = [...new Set([...files, ...matches.flat().toSorted()])];
    const next = new Map<string, Seen>();
    for (let at = 0; at < paths.length; at += FILES_AT_ONCE) {
      const some = paths.slice(at, at + FILES_AT_ONCE);
      const found = await Promise.all(some.map(see));
      for (const [index, path] of some.entries()) next.set(path, found[index] ?? MISSING);
    }
    seen = next;
    return createHash("sha256")
      .update(JSON.stringify([...seen].map(([path, { digest: contents }]) => [path, contents])))
      .digest("hex");
  };
}

/** Which file it is, its length, and when it changed. */
function lookOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}

async function matching(pattern: string): Promise<readonly string[]> {
  const paths: string[] = [];
  try {
    for await (const path of glob(pattern)) paths.push(path);
  } catch {
    // A folder that cannot be read matches nothing. Reading the settings reports it.
  }
  return paths;
}

/** In pieces: a large file must neither hold up requests nor fill the memory. */
async function digestOf(file: FileHandle): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of file.createReadStream({ end: MAX_FILE_BYTES, autoClose: false })) hash.update(piece);
  return hash.digest("hex");
}
