/** The sealed ring on disk (`keys.cache_file`): a replica can start with it while the store is away. */
import { open, readFile, rename } from "node:fs/promises";
import type { Clock } from "../time/clock.js";
import { isJsonObject } from "../oauth/json.js";
import { readRing, writeRing, type RingDocument } from "./ring-document.js";
import { SealError, type Sealing } from "./sealing.js";

/** A ring as it was saved, and when, in milliseconds. */
interface SavedRing {
  readonly savedAt: number;
  readonly ring: RingDocument;
}

export interface RingCacheFile {
  /**
   * The ring that was saved last; undefined if there is no file. Throws if it cannot be read or opened, and if it is so
   * old that a key in it may have been revoked and forgotten since.
   */
  load(): Promise<SavedRing | undefined>;
  /** Saves a ring: whole or not at all, readable by the owner alone. Throws if it cannot be written. */
  save(ring: RingDocument): Promise<void>;
}

/** `maxAgeMs`: how old a ring may be and still be used (`recognisedMs` of the policy). */
export function createRingCacheFile(options: {
  readonly path: string;
  readonly sealing: Sealing;
  readonly clock: Clock;
  readonly maxAgeMs: number;
}): RingCacheFile {
  const { path, sealing, clock, maxAgeMs } = options;
  return {
    async load() {
      const sealed = await readFile(path, "utf8").catch(unlessAbsent);
      if (sealed === undefined) return undefined;
      const saved: unknown = JSON.parse(sealing.open(sealed.trim()));
      if (!isJsonObject(saved) || typeof saved["savedAt"] !== "number" || typeof saved["ring"] !== "string") {
        throw new SealError("It holds no key ring.");
      }
      if (clock() - saved["savedAt"] > maxAgeMs) {
        throw new SealError("It is so old that keys in it may have been revoked and forgotten since.");
      }
      return { savedAt: saved["savedAt"], ring: readRing(saved["ring"]) };
    },
    async save(ring) {
      const sealed = sealing.seal(JSON.stringify({ savedAt: clock(), ring: writeRing(ring) }));
      const unfinished = `${path}.new`;
      const file = await open(unfinished, "w", 0o600);
      try {
        await file.chmod(0o600);
        await file.writeFile(`${sealed}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
    },
  };
}

function unlessAbsent(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
