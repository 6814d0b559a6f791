/** One token in a file, for programs that read files. They see a whole token or none, whenever they look. */
import { open, readFile, rename, stat, statfs, unlink, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Pause } from "../../client/backoff.js";
import { SECOND, type Clock } from "../../time/clock.js";
import { expiryOf } from "./jwt-expiry.js";

export interface TokenFileOptions {
  readonly path: string;
  readonly mode: number;
  readonly clock: Clock;
  readonly pause: Pause;
  readonly onFailure: (error: unknown) => void;
}

const TRY_AGAIN_MS = 5 * SECOND;

export class TokenFile {
  readonly #with: TokenFileOptions;
  readonly #closing = new AbortController();
  /** What the file shall hold; null: it shall not be there. Undefined: as it is. */
  #wanted: string | null | undefined;
  #working: Promise<void> | undefined;
  #isWritten = false;

  constructor(options: TokenFileOptions) {
    this.#with = options;
  }

  /** Whether the file holds what it shall hold. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  put(token: string): void {
    this.#want(token);
  }

  /** Removes the file: a reader that finds none says so, and one that finds a dead token is refused by a service. */
  clear(): void {
    this.#want(null);
  }

  /** Removes what a former process left, once it has expired. Never rejects. */
  async removeExpired(): Promise<void> {
    const { path, clock, pause } = this.#with;
    const { signal } = this.#closing;
    const left = await readFile(path, "utf8").catch(() => ""); // usually there is none
    const expiry = expiryOf(left.trim());
    if (expiry === undefined || expiry === Infinity) return;
    await pause(Math.max(0, expiry - clock()), { signal, ref: false }).catch(() => {}); // closed
    if (this.#wanted === undefined && !signal.aborted) this.clear();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#working;
  }

  #want(wanted: string | null): void {
    this.#wanted = wanted;
    this.#isWritten = false;
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
  }

  /** Tries until the file is right. Never rejects. */
  async #work(): Promise<void> {
    const { path, mode, pause, onFailure } = this.#with;
    const { signal } = this.#closing;
    while (!this.#isWritten) {
      const wanted = this.#wanted ?? null;
      try {
        if (wanted === null) await removed(path);
        else await replace(path, wanted, mode);
        this.#isWritten = wanted === this.#wanted;
      } catch (error) {
        onFailure(error);
        if (signal.aborted) return;
        await pause(TRY_AGAIN_MS, { signal, ref: false }).catch(() => {}); // closed
      }
      if (signal.aborted) return;
    }
  }
}

async function removed(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isCode(error, "ENOENT")) throw error;
  });
}

/** Writes beside the file, with the mode that it shall have, and moves it there. No newline: some readers keep it. */
async function replace(path: string, token: string, mode: number): Promise<void> {
  const folder = dirname(path);
  const beside = join(folder, `.${basename(path)}.new`);
  const file = await created(beside);
  try {
    await file.chmod(mode); // the umask does not apply to it
    await file.writeFile(token);
    await keepMtimeMoving(file, path);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  const directory = await open(folder);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Never follows a link and never writes into a file that is there: a killed process may have left one. */
async function created(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
    await unlink(path);
    return await open(path, "wx", 0o600);
  }
}

/** Kafka reloads when the time differs, and some file systems count whole seconds. */
async function keepMtimeMoving(file: FileHandle, path: string): Promise<void> {
  const former = await stat(path).catch(() => undefined); // usually there is one
  if (former === undefined) return;
  const { mtime } = await file.stat();
  const earliest = Math.floor(former.mtimeMs / SECOND) * SECOND + SECOND;
  if (mtime.getTime() < earliest) await file.utimes(new Date(earliest), new Date(earliest));
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** `TMPFS_MAGIC` and `RAMFS_MAGIC` of Linux. */
const MEMORY_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** Whether a file would lie in memory. True where nobody can tell. */
export async function isInMemory(path: string): Promise<boolean> {
  const found = await statfs(dirname(path)).catch(() => undefined); // the first write says that the folder is missing
  return found === undefined || MEMORY_FILE_SYSTEMS.has(found.type);
}
