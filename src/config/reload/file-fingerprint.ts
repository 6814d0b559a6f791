/**
 * Whether files changed, by what is in them: times alone are too coarse, and a mounted Secret changes by swapping a link.
 * A look is often and must be cheap, however large the files: what surely is as it was is not read again.
 */
import { createHash } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, glob, open } from "node:fs/promises";
import { type Clock, MINUTE, SECOND } from "../../time/clock.js";
import { MAX_FILE_BYTES } from "../reading/disk.js";

/** A digest of the files' contents and of the names that match the patterns. Never rejects. */
export type Fingerprint = (files: readonly string[], patterns: readonly string[]) => Promise<string>;

/** What fingerprints are taken with. */
export interface FingerprintSources {
  readonly clock: Clock;
  /** Digests a file's contents. */
  readonly digest?: (file: FileHandle) => Promise<string>;
}

/** Two writes within this time may leave a file the same times: as coarse as any file system's are. */
const COARSENESS_MS = 2 * SECOND;
/** A file is read again after this time, for file systems whose times tell nothing. */
const TRUST_MS = MINUTE;
/** A process has few file descriptors, and there may be a client file for each of many teams. */
const FILES_AT_ONCE = 32;

/** What was read, and how the file looked then. */
interface Seen {
  readonly look: string;
  readonly digest: string;
  readonly until: number;
}

const MISSING: Seen = { look: "", digest: "missing", until: 0 };

/** Makes the fingerprint of one watch, which remembers what it has read. */
export function createFingerprint({ clock, digest = digestOf }: FingerprintSources): Fingerprint {
  let seen = new Map<string, Seen>();

  async function see(path: string): Promise<Seen> {
    let file: FileHandle | undefined;
    try {
      // Opened even if it is not read then: NFS asks the server how a file is when it is opened, and only then. Without
      // waiting, for a pipe opens once there is a writer.
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

/** What differs if anything about a file differs: which one it is, how long, and when it was changed. */
function lookOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}

async function matching(pattern: string): Promise<readonly string[]> {
  const paths: string[] = [];
  try {
    for await (const path of glob(pattern)) paths.push(path);
  } catch {
    // A folder that cannot be read matches nothing; reading the settings says so.
  }
  return paths;
}

/** In pieces: a large file must not hold up requests, nor take its size in memory. */
async function digestOf(file: FileHandle): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of file.createReadStream({ end: MAX_FILE_BYTES, autoClose: false })) hash.update(piece);
  return hash.digest("hex");
}
