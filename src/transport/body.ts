import { constants, type ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import type { Exchange } from "./exchange.js";
import type { UnderWay } from "./under-way.js";

const NOTHING = Buffer.alloc(0);
/** What the smallest buffer of a body that comes in pieces holds. */
const LEAST_BUFFER = 4096;

/** A body, whole; or why it was not read. */
export type Body = Buffer | "too_large" | "no_room";

/** How a body is to be read. */
export interface BodyLimits {
  readonly maxBytes: number;
  readonly underWay: UnderWay;
  /** Whether there is room for another request: asked before its body is collected. */
  readonly admits: () => boolean;
}

/**
 * Collects the body of a request. Calls `done` once: with all bytes, or with the reason as soon as it is known that it
 * will not be read; then the rest is read and dropped until someone ends the connection. Never calls it if the caller
 * goes away first.
 *
 * A piece alone is kept as it is; several are copied together, since each may keep alive the whole buffer that the
 * connection was read into.
 */
export function readBody(
  source: Readable,
  exchange: Exchange,
  { maxBytes, underWay, admits }: BodyLimits,
  done: (body: Body) => void,
): void {
  let held: Buffer | undefined;
  let size = 0;
  let settled = false;
  const settle = (body: Body) => {
    settled = true;
    held = exchange.onNoRoom = undefined;
    done(body);
  };
  if (!admits()) settle("no_room");
  else if (Number(exchange.headers["content-length"] ?? 0) > maxBytes) settle("too_large");
  else exchange.onNoRoom = () => settle("no_room");
  source.on("data", (chunk: Buffer) => {
    if (settled) return;
    const before = size;
    size += chunk.length;
    if (size > maxBytes) {
      exchange.dropBody();
      settle("too_large");
    } else if (held === undefined) {
      held = chunk;
      exchange.hold(chunk.buffer.byteLength);
    } else {
      const known = held.buffer.byteLength;
      held = append(held, before, chunk);
      if (held.buffer.byteLength !== known) exchange.hold(held.buffer.byteLength - known);
    }
  });
  source.on("end", () => {
    underWay.arrived(exchange);
    if (!settled) settle(held === undefined ? NOTHING : held.length === size ? held : held.subarray(0, size));
  });
}

/** The first `size` bytes of `held` and a further piece, in a buffer of their own, of which a part may be free. */
function append(held: Buffer, size: number, piece: Buffer): Buffer {
  const fits = held.length >= size + piece.length && held.length === held.buffer.byteLength;
  const whole = fits ? held : Buffer.allocUnsafeSlow(Math.max(LEAST_BUFFER, 2 * (size + piece.length)));
  if (!fits) held.copy(whole, 0, 0, size);
  piece.copy(whole, size);
  return whole;
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
