/**
 * Requests that ask for an upgrade (RFC 9110 section 7.8): Apache's HttpClient asks for TLS, Java's and `curl --http2`
 * for `h2c`, with every cleartext request. None is offered here, and a server may ignore the wish. But Node's parser
 * stops behind such a request and drops what follows it in the same packet. Where something follows, Node hands over
 * the connection instead, and the request is written out once more without the wish, in front of what follows.
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex, Readable } from "node:stream";

/** Held outside the bound on all bodies, so it is less than a body may be. */
const MAX_BODY_BYTES = 32 * 1024;

/** Node keeps so many fields and drops the rest: a copy of more could lack the `Content-Length`. */
const MAX_FIELDS = 2000;

const HEAD_END = "\r\n\r\n";
const CR = 13;
const LF = 10;
const NOTHING = Buffer.alloc(0);

/** Whether the packet that this request came in may hold more than the request. To be asked when its head is read. */
export function hasFollower(request: IncomingMessage): boolean {
  const missing = missingBytes(request);
  return missing !== undefined && missing < 0;
}

/**
 * Watches a request that is served where it stands. What follows it in a later packet is dropped: then, and where
 * nobody can know, the answer ends the connection, so that the client asks again (RFC 9112 section 9.3.2).
 */
export function watchFollower(request: IncomingMessage, response: ServerResponse): void {
  const missing = missingBytes(request);
  if (missing === undefined) response.shouldKeepAlive = false;
  else if (missing > 0) {
    const { socket } = request;
    const before = socket.bytesRead;
    request.once("end", () => {
      if (socket.bytesRead - before > missing && !response.headersSent) response.shouldKeepAlive = false;
    });
  }
}

/** Calls `done` with the bytes to read again; with undefined if there are too many. */
export function withoutUpgrade(
  request: IncomingMessage,
  stream: Duplex,
  rest: Buffer,
  done: (bytes: Buffer | undefined) => void,
): void {
  if (request.rawHeaders.length >= 2 * MAX_FIELDS) return done(undefined);
  const head = copyHead(request);
  // Node 26 has read the body by then; Node 24 leaves it to what follows.
  if (stream === request.socket) return done(Buffer.concat([head, readNow(request), rest]));
  const pieces = [head];
  let size = 0;
  const collect = (piece: Buffer) => {
    size += piece.length;
    if (size <= MAX_BODY_BYTES) return void pieces.push(piece);
    request.off("data", collect);
    request.off("end", finish);
    done(undefined);
  };
  const finish = () => done(Buffer.concat([...pieces, readNow(stream)]));
  request.on("data", collect);
  request.once("end", finish);
}

/**
 * How much of the request is still to come; below 0, how much more than the request its packet holds. If other requests
 * stand before it, more is taken to follow than does. Undefined where a copy could not be told from what was sent.
 */
function missingBytes({ headers, rawHeaders, socket }: IncomingMessage): number | undefined {
  // A chunked body that Node has read is no longer what was sent.
  if (headers["transfer-encoding"] !== undefined || rawHeaders.length >= 2 * MAX_FIELDS) return undefined;
  const packet = currentPacket(socket);
  const headEnd = packet?.indexOf(HEAD_END) ?? -1;
  // A packet that begins inside a line end: perhaps inside that of the head.
  if (packet === undefined || headEnd < 0 || packet[0] === CR || packet[0] === LF) return undefined;
  return headEnd + HEAD_END.length + Number(headers["content-length"] ?? 0) - packet.length;
}

/** What Node's parser is reading just now. Undocumented: without it, such a request ends its connection. */
function currentPacket(socket: object): Buffer | undefined {
  const { parser } = socket as { parser?: { getCurrentBuffer?(): Buffer } | null };
  return parser?.getCurrentBuffer?.();
}

function readNow(source: Readable): Buffer {
  const bytes: unknown = source.read();
  return Buffer.isBuffer(bytes) ? bytes : NOTHING;
}

/** Every byte but the white space around values, and the `Upgrade` fields. */
function copyHead({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (name.toLowerCase() !== "upgrade") text += `${name}:${rawHeaders[at + 1]}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, "latin1");
}
