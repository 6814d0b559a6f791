import { constants, type ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import type { Exchange } from "./exchange.js";
import { PagedBody } from "./pages.js";
import type { UnderWay } from "./under-way.js";

const NOTHING = Buffer.alloc(0);

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
  let only: Buffer | undefined;
  let pages: PagedBody | undefined;
  let size = 0;
  let settled = false;
  const settle = (body: Body) => {
    settled = true;
    exchange.onNoRoom = only = undefined;
    drop();
    done(body);
  };
  const drop = () => {
    pages?.drop();
    pages = undefined;
  };
  if (!admits()) settle("no_room");
  else if (Number(exchange.headers["content-length"] ?? 0) > maxBytes) settle("too_large");
  // The function itself: with an arrow around it V8 promotes 4 KB of each request to the old generation, and collecting that
  // is 6 % of a form request's CPU (`node --trace-gc`).
  else exchange.onNoRoom = settle;
  source.on("data", (chunk: Buffer) => {
    underWay.received(chunk.length);
    if (settled) return;
    size += chunk.length;
    if (size > maxBytes) {
      exchange.dropBody();
      settle("too_large");
    } else if (only === undefined && pages === undefined) {
      only = chunk;
      exchange.hold(chunk.buffer.byteLength);
    } else {
      if (pages === undefined) {
        pages = new PagedBody(underWay.pages);
        source.once("close", drop);
        if (only !== undefined) exchange.hold(pages.add(only) - only.buffer.byteLength);
        only = undefined;
      }
      exchange.hold(pages?.add(chunk) ?? 0);
    }
  });
  source.on("end", () => {
    underWay.arrived(exchange);
    if (!settled) settle(pages?.whole() ?? only ?? NOTHING);
  });
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
