import { constants, type ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import type { Exchange } from "./exchange.js";
import type { UnderWay } from "./under-way.js";

const NOTHING = Buffer.alloc(0);
/** The smallest buffer for a body that comes in pieces. */
const LEAST_BUFFER = 4096;

/** The whole body, or the reason why it was not read. */
export type Body = Buffer | "too_large" | "no_room";

export interface BodyLimits {
  readonly maxBytes: number;
  readonly underWay: UnderWay;
  /** Whether there is room for another request. Asked once, before the body is collected. */
  readonly admits: () => boolean;
}

/**
 * Collects the body of a request. Calls `done` once, with all bytes or with the reason why not. The reason comes as
 * soon as it is known, and the rest of the body is then read and dropped. `done` is never called if the caller goes
 * away first.
 *
 * A single piece is kept as it is. Several are copied together, because each may keep alive the whole buffer that the
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

/** Adds a piece behind the first `size` bytes of `held`, in a buffer of its own that may have room for more. */
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
 * Reads on for at most 1 s and 1 MiB before `end`. A connection that closes over unread bytes is reset, and the reset
 * can overtake the answer.
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
 * The same for an answered HTTP/2 stream. NO_ERROR asks a client that is still sending to stop (RFC 9113 section 8.1).
 * A client that has sent all gets no reset: this reset, too, can overtake the answer.
 */
export function lingerThenReset(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return;
  lingerThen(stream, () => {
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}
