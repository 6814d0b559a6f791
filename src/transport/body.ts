import { constants, type ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";

const NOTHING = Buffer.alloc(0);

/** Told of bodies that are being read, so that slow ones can be cut. */
export interface BodyWatch<Source> {
  begin(source: Source): void;
  /** The body is complete. */
  end(source: Source): void;
}

/** How a body is to be read. */
export interface BodyLimits<Source> {
  readonly maxBytes: number;
  /** Absent where the HTTP server itself watches. */
  readonly watch?: BodyWatch<Source>;
}

/**
 * Collects the body of a request. Calls `done` once: with all bytes, or with undefined as soon as it is known that there
 * are too many; then the rest is read and dropped until someone ends the connection. Never calls it if the caller goes
 * away first.
 */
export function readBody<Source extends Readable>(
  source: Source,
  contentLength: string | undefined,
  { maxBytes, watch }: BodyLimits<Source>,
  done: (body: Buffer | undefined) => void,
): void {
  if (contentLength !== undefined && Number(contentLength) > maxBytes) {
    source.resume();
    done(undefined);
    return;
  }
  watch?.begin(source);
  let first: Buffer | undefined;
  let more: Buffer[] | undefined;
  let size = 0;
  source.on("data", (chunk: Buffer) => {
    if (size > maxBytes) return;
    size += chunk.length;
    if (size > maxBytes) {
      first = more = undefined;
      done(undefined);
    } else if (first === undefined) first = chunk;
    else (more ??= [first]).push(chunk);
  });
  source.on("end", () => {
    watch?.end(source);
    if (size <= maxBytes) done(more === undefined ? (first ?? NOTHING) : Buffer.concat(more, size));
  });
}

const LINGER_MS = 1000;
const LINGER_BYTES = 1024 * 1024;

/**
 * Reads on for a moment, at most 1 s and 1 MiB, before `end`: a connection that is closed over unread bytes is reset,
 * and the reset can overtake the answer.
 */
export function lingerThen(source: Readable, end: () => void): void {
  let left = LINGER_BYTES;
  const finish = () => {
    clearTimeout(timer);
    source.off("data", count);
    source.off("close", finish);
    source.off("end", finish);
    end();
  };
  const count = (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) finish();
  };
  const timer = setTimeout(finish, LINGER_MS).unref();
  source.on("data", count);
  source.once("end", finish);
  source.once("close", finish);
}

/**
 * The same for an answered HTTP/2 stream: whoever goes on sending is told that it is not wanted (RFC 9113 section 8.1).
 * Not sooner, and not to one who has sent all: this reset, too, can overtake the answer.
 */
export function lingerThenReset(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return;
  lingerThen(stream, () => {
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}
