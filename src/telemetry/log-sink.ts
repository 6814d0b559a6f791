/**
 * Where log lines go: collected in memory and written asynchronously, so that a slow reader of stderr never slows a
 * request. Bounded: with a reader that stands still, lines are dropped and counted.
 */
import { pino } from "pino";
import { prettyLine } from "./pretty-line.js";

/** Takes whole lines of JSON, each ending in a newline. */
export interface LogSink {
  /** Never waits and never throws. */
  write(line: string): void;
  /** Hands what is collected to the system, without waiting. */
  flush(): void;
  /** Writes what is left, waiting for it: for the end of the process only. */
  flushSync(): void;
  /** Lines that were dropped because the reader was too slow. */
  dropped(): number;
}

/** How lines are written. */
export interface LogSinkOptions {
  /** The file descriptor: 2 is stderr. */
  readonly fd: number;
  /** Whether a person reads along: one-line text instead of JSON, written at once. */
  readonly pretty: boolean;
  /** How long a line may wait for others, in milliseconds. */
  readonly flushMs?: number;
  /** How much may wait for a reader that stands still. */
  readonly maxBytes?: number;
}

const CHUNK_BYTES = 64 * 1024;
/** No character of UTF-16 takes more bytes of UTF-8 than this. */
const BYTES_PER_CHARACTER = 3;

/** Makes a sink on a file descriptor. */
export function createLogSink({ fd, pretty, flushMs = 100, maxBytes = 16 * 1024 * 1024 }: LogSinkOptions): LogSink {
  const destination = pino.destination({ fd, sync: false, minLength: 0, maxLength: maxBytes, maxWrite: maxBytes });
  // Lines become bytes at once: kept as strings, all the pieces that they are made of would live until the next write.
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let used = 0;
  let droppedLines = 0;
  let timer: NodeJS.Timeout | undefined;
  destination.on("drop", (dropped: unknown) => {
    droppedLines += String(dropped).split("\n").length - 1;
  });
  // A closed stderr must not end the service.
  destination.on("error", () => {});

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (used > 0) destination.write(chunk.toString("utf8", 0, used));
    used = 0;
  }

  function append(line: string): void {
    const most = line.length * BYTES_PER_CHARACTER;
    if (used + most > CHUNK_BYTES) flush();
    if (most > CHUNK_BYTES) destination.write(line);
    else used += chunk.write(line, used);
  }

  return {
    write(line) {
      append(pretty ? prettyLine(line) : line);
      if (pretty) flush();
      else timer ??= setTimeout(flush, flushMs).unref();
    },
    flush,
    flushSync() {
      flush();
      try {
        destination.flushSync();
      } catch {
        // The reader is gone: there is nobody to tell.
      }
    },
    dropped: () => droppedLines,
  };
}
