/**
 * Writes log chunks. Ours instead of sonic-boom, pino's own destination: 4.2.1 does not say when a chunk is written, which
 * the sink must know to fill its memory again, and it did not finish the test of a slow reader on a non-blocking pipe.
 */
import { write, writeSync } from "node:fs";

/** Writes chunks to a file descriptor one after the other, without ever making anybody wait. */
export interface FileWriter {
  /**
   * Hands a chunk over. It is dropped if too much waits already, or nobody reads any more; `onWritten` is called once the
   * system has all of it.
   */
  write(chunk: Buffer, onWritten?: () => void): void;
  /** Resolves once nothing waits to be written. */
  drained(): Promise<void>;
  /** Writes what waits at once, perhaps before the chunk that is being written. */
  drainSync(): void;
}

export interface FileWriterOptions {
  readonly fd: number;
  readonly maxBytes: number;
  readonly onDropped: (chunk: Buffer) => void;
}

interface Waiting {
  /** What is left of it. */
  readonly chunk: Buffer;
  readonly onWritten: (() => void) | undefined;
}

const RETRY_MS = 50;

export function createFileWriter({ fd, maxBytes, onDropped }: FileWriterOptions): FileWriter {
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let underWay = false;
  let broken = false;
  let whenDrained: (() => void)[] = [];

  function next(): void {
    const [first] = waiting;
    underWay = first !== undefined;
    if (first !== undefined) return write(fd, first.chunk, (error, written) => done(first, error, written));
    for (const resolve of whenDrained) resolve();
    whenDrained = [];
  }

  function done({ chunk, onWritten }: Waiting, error: NodeJS.ErrnoException | null, written: number): void {
    if (error === null) {
      waitingBytes -= written;
      if (written === chunk.length) {
        waiting.shift();
        onWritten?.();
      } else waiting[0] = { chunk: chunk.subarray(written), onWritten };
      next();
    } else if (isBusy(error)) setTimeout(next, RETRY_MS);
    else {
      // The reader is gone, and there is nobody to tell. The service goes on.
      broken = true;
      waiting = [];
      next();
    }
  }

  return {
    write(chunk, onWritten) {
      if (broken || waitingBytes + chunk.length > maxBytes) return onDropped(chunk);
      waiting.push({ chunk, onWritten });
      waitingBytes += chunk.length;
      if (!underWay) next();
    },
    drained: () => (underWay ? new Promise((resolve) => whenDrained.push(resolve)) : Promise.resolve()),
    drainSync() {
      const rest = underWay ? waiting.splice(1) : waiting.splice(0);
      for (const { chunk } of rest) for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
    },
  };
}

/** A full pipe that was set not to block. */
function isBusy({ code }: NodeJS.ErrnoException): boolean {
  return code === "EAGAIN" || code === "EBUSY";
}
