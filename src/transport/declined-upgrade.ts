/**
 * Declines upgrades (RFC 9110 section 7.8). Apache's HttpClient asks for TLS with every cleartext request. Java's
 * client and `curl --http2` ask for `h2c`. A server may ignore the wish, and this one does. But Node's parser stops
 * behind such a request and drops what follows it in the same packet. If something follows, Node hands over the
 * connection instead. This file then writes the request once more without the wish, in front of what follows.
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex, Readable } from "node:stream";

/** Less than a body may have elsewhere, because the bound on all bodies does not count this one. */
const MAX_BODY_BYTES = 32 * 1024;

/** Node drops the fields after these. A copy of the rest could lack the `Content-Length`. */
const MAX_FIELDS = 2000;

const HEAD_END = "\r\n\r\n";
const CR = 13;
const LF = 10;
const NOTHING = Buffer.alloc(0);

/** Whether the packet of this request may hold more than the request. Must be asked when the head is read. */
export function hasFollower(request: IncomingMessage): boolean {
  const missing = missingBytes(request);
  return missing !== undefined && missing < 0;
}

/**
 * Watches a request that Node serves directly. Node drops what follows it in a later packet. The answer then ends the
 * connection, and the client asks again (RFC 9112 section 9.3.2). The same happens if nobody can know what follows.
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

/** Calls `done` with the bytes that Node should read again, or with undefined if there are too many. */
export function withoutUpgrade(
  request: IncomingMessage,
  stream: Duplex,
  rest: Buffer,
  done: (bytes: Buffer | undefined) => void,
): void {
  if (request.rawHeaders.length >= 2 * MAX_FIELDS) return done(undefined);
  const head = copyHead(request);
  // Node 26 has read the body by now. Node 24 leaves it in front of what follows.
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
 * The number of bytes of the request that are still to come. A negative number counts the bytes that the packet holds
 * beyond the request, or more if other requests stand before it. Undefined if a copy could differ from what was sent.
 */
function missingBytes({ headers, rawHeaders, socket }: IncomingMessage): number | undefined {
  // A chunked body that Node has read is no longer what was sent.
  if (headers["transfer-encoding"] !== undefined || rawHeaders.length >= 2 * MAX_FIELDS) return undefined;
  const packet = currentPacket(socket);
  const headEnd = packet?.indexOf(HEAD_END) ?? -1;
  // The packet begins inside a line end, perhaps that of the head.
  if (packet === undefined || headEnd < 0 || packet[0] === CR || packet[0] === LF) return undefined;
  return headEnd + HEAD_END.length + Number(headers["content-length"] ?? 0) - packet.length;
}

/**
 * The packet that Node's parser is reading. The member is undocumented. Without it, such a request ends its connection.
 */
function currentPacket(socket: object): Buffer | undefined {
  const { parser } = socket as { parser?: { getCurrentBuffer?(): Buffer } | null };
  return parser?.getCurrentBuffer?.();
}

function readNow(source: Readable): Buffer {
  const bytes: unknown = source.read();
  return Buffer.isBuffer(bytes) ? bytes : NOTHING;
}

/** Copies every byte except the white space around values and the `Upgrade` fields. */
function copyHead({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (name.toLowerCase() !== "upgrade") text += `${name}:${rawHeaders[at + 1]}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, "latin1");
}
