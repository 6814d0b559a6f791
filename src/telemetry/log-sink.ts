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

const CHUNK_CHARACTERS = 64 * 1024;

/** Makes a sink on a file descriptor. */
export function createLogSink({ fd, pretty, flushMs = 100, maxBytes = 16 * 1024 * 1024 }: LogSinkOptions): LogSink {
  // Its own collecting walks the collected text once a line, so it is given finished chunks.
  const destination = pino.destination({ fd, sync: false, minLength: 0, maxLength: maxBytes, maxWrite: maxBytes });
  let collected = "";
  let lines = 0;
  let droppedLines = 0;
  let timer: NodeJS.Timeout | undefined;
  destination.on("drop", (chunk: unknown) => {
    droppedLines += String(chunk).split("\n").length - 1;
  });
  // A closed stderr must not end the service.
  destination.on("error", () => {});

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (lines === 0) return;
    const chunk = collected;
    collected = "";
    lines = 0;
    destination.write(chunk);
  }

  return {
    write(line) {
      collected += pretty ? prettyLine(line) : line;
      lines++;
      if (pretty || collected.length > CHUNK_CHARACTERS) flush();
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
