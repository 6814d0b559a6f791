/**
 * Owns the way of log lines to a file descriptor. They are collected in memory and written asynchronously: a slow
 * reader of stderr never slows a request. Bounded: while the reader stands still, lines are dropped and counted.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createFileWriter } from "./file-writer.js";
import { prettyLine } from "./pretty-line.js";

/** Takes whole lines of JSON, each ending in a newline. */
export interface LogSink {
  /** Never waits and never throws. */
  write(line: string): void;
  /**
   * The same for a line that is made when it is written, in its place among the others. Many lines made in a row cost a
   * third of what each costs between two signatures.
   */
  writeLater(makeLine: () => string): void;
  /** Hands the collected lines to the system, without waiting. */
  flush(): void;
  /** Writes the remaining lines. Resolves when the system has them, or after two seconds. For an orderly end. */
  close(): Promise<void>;
  /** Writes the remaining lines at once, perhaps before a chunk under way. For a crash only. */
  flushSync(): void;
  /** Lines that were dropped because the reader was too slow. */
  dropped(): number;
}

export interface LogSinkOptions {
  /** The file descriptor: 2 is stderr. */
  readonly fd: number;
  /** Whether a person reads along: one plain line instead of JSON, written at once. */
  readonly pretty: boolean;
  /** How long a line may wait for others, in milliseconds. */
  readonly flushMs?: number;
  /** How much may wait for a reader that stands still. */
  readonly maxBytes?: number;
}

const CHUNK_BYTES = 64 * 1024;
/** No character of UTF-16 takes more bytes of UTF-8 than this. */
const BYTES_PER_CHARACTER = 3;
/** Made in a row this many lines take a quarter of a millisecond: no request notices. */
const LINES_MADE_AT_ONCE = 128;

const CLOSE_TIMEOUT_MS = 2000;

export function createLogSink({ fd, pretty, flushMs = 100, maxBytes = 16 * 1024 * 1024 }: LogSinkOptions): LogSink {
  let droppedLines = 0;
  /** A chunk that has been written, to be filled again: new ones would be megabytes a second for V8 to collect. */
  let spare: Buffer | undefined;
  const writer = createFileWriter({ fd, maxBytes, onDropped: (dropped) => (droppedLines += linesOf(dropped)) });
  // Lines become bytes soon: kept as strings, all the pieces that they are made of would live until the next write.
  let chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let used = 0;
  let unmade: (() => string)[] = [];
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    makeLines();
    handOver();
  }

  function handOver(): void {
    if (used === 0) return;
    const full = chunk;
    writer.write(full.subarray(0, used), () => (spare = full));
    chunk = spare ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    spare = undefined;
    used = 0;
  }

  function append(line: string): void {
    const most = line.length * BYTES_PER_CHARACTER;
    if (used + most > CHUNK_BYTES) handOver();
    if (most > CHUNK_BYTES) writer.write(Buffer.from(line));
    else used += chunk.write(line, used);
  }

  function makeLines(): void {
    const makers = unmade;
    unmade = [];
    for (const makeLine of makers) append(makeLine());
  }

  function write(line: string): void {
    makeLines();
    append(pretty ? prettyLine(line) : line);
    if (pretty) flush();
    else timer ??= setTimeout(flush, flushMs).unref();
  }

  return {
    write,
    writeLater(makeLine) {
      if (pretty) return write(makeLine());
      if (unmade.push(makeLine) === LINES_MADE_AT_ONCE) makeLines();
      timer ??= setTimeout(flush, flushMs).unref();
    },
    flush,
    async close() {
      flush();
      await Promise.race([writer.drained(), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    },
    flushSync() {
      flush();
      try {
        writer.drainSync();
      } catch {
        // The reader is gone: there is nobody to tell.
      }
    },
    dropped: () => droppedLines,
  };
}

const NEWLINE = 0x0a;

function linesOf(chunk: Buffer): number {
  return chunk.reduce((lines, byte) => (byte === NEWLINE ? lines + 1 : lines), 0);
}
