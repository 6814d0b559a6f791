/** The files of the entries, by the entries' names. An entry without a file has nothing to write. */
import type { Pause } from "../../client/backoff.js";
import type { EdgeLogger } from "../lean-logger.js";
import type { Clock } from "../../time/clock.js";
import type { TokenEntry } from "../settings/settings.js";
import { reasonOf } from "../reason.js";
import { isInMemory, TokenFile } from "./token-file.js";

export interface EntryFilesDependencies {
  readonly clock: Clock;
  readonly pause: Pause;
  readonly logger: EdgeLogger;
}

export class EntryFiles {
  readonly #files: ReadonlyMap<string, TokenFile>;

  constructor(entries: readonly TokenEntry[], { clock, pause, logger }: EntryFilesDependencies) {
    this.#files = new Map(
      entries.flatMap(({ name: entry, file: path, mode }): readonly [string, TokenFile][] => {
        if (path === undefined) return [];
        const onFailure = (error: unknown): void =>
          logger.error("a token file cannot be written", { entry, reason: reasonOf(error) });
        const file = new TokenFile({ path, mode, clock, pause, onFailure });
        void file.removeExpired();
        void warnOfDisk(path, () => logger.warn("a token file lies on a disk: a tmpfs keeps it in memory", { entry }));
        return [[entry, file]];
      }),
    );
  }

  isWritten(entry: string): boolean {
    return this.#files.get(entry)?.isWritten ?? true;
  }

  put(entry: string, token: string): void {
    this.#files.get(entry)?.put(token);
  }

  clear(entry: string): void {
    this.#files.get(entry)?.clear();
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#files.values(), (file) => file.close()));
  }
}

async function warnOfDisk(path: string, warn: () => void): Promise<void> {
  if (!(await isInMemory(path))) warn();
}
