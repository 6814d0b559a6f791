/**
 * gRPC's unary calls straight on HTTP/2. Envoy asks once for each request of a
 * catalog: Connect's own handler takes several times the CPU for a call, and three times the memory of an idle edge.
 */
import { Buffer } from "node:buffer";
import { constants, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";

/** From the bytes of a message to those of the answer. Ends the call by a `GrpcFailure`. */
export type UnaryMethod = (message: Uint8Array) => Promise<Uint8Array>;

export class GrpcFailure extends Error {
  override readonly name = "GrpcFailure";
  /** A `google.rpc.Code`. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface UnaryOptions {
  /** By path: `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, UnaryMethod>;
  readonly maxMessageBytes: number;
  /** A call that has not come whole by then is ended. */
  readonly timeoutMs: number;
}

const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
/** A byte that says whether it is compressed, and the length. */
const PREFIX_BYTES = 5;
const GRPC_ANSWER = { ":status": 200, "content-type": "application/grpc" };

export function serveUnary(server: Http2Server, options: UnaryOptions): void {
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {}); // the caller is gone
    if (!isGrpc(headers)) return stream.respond({ ":status": 415 }, { endStream: true });
    const method = options.methods.get(headers[":path"] ?? "");
    if (method === undefined) return refuse(stream, new GrpcFailure(UNIMPLEMENTED, "This method is not known."));
    stream.setTimeout(options.timeoutMs, () => stream.close(constants.NGHTTP2_CANCEL));
    receive(stream, options.maxMessageBytes, (body) => {
      answered(body, method).then(
        (answer) => send(stream, answer),
        (error: unknown) => refuse(stream, error),
      );
    });
  });
}

function isGrpc({ ":method": method, "content-type": type }: IncomingHttpHeaders): boolean {
  return method === "POST" && type !== undefined && /^application\/grpc(?:[+;]|$)/i.test(type);
}

function receive(stream: ServerHttp2Stream, maxMessageBytes: number, onBody: (body: Buffer) => void): void {
  const pieces: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= maxMessageBytes + PREFIX_BYTES) pieces.push(piece);
    else if (!stream.headersSent) {
      pieces.length = 0;
      refuse(stream, new GrpcFailure(RESOURCE_EXHAUSTED, "The message is too large."));
    }
  });
  stream.on("end", () => {
    if (!stream.headersSent) onBody(pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces));
  });
}

async function answered(body: Buffer, method: UnaryMethod): Promise<Uint8Array> {
  if (body.length < PREFIX_BYTES || body.readUInt32BE(1) !== body.length - PREFIX_BYTES) {
    throw new GrpcFailure(INVALID_ARGUMENT, "The call does not hold one whole message.");
  }
  if (body[0] !== 0) throw new GrpcFailure(UNIMPLEMENTED, "Messages must not be compressed.");
  return method(body.subarray(PREFIX_BYTES));
}

function send(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (stream.destroyed) return;
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.respond(GRPC_ANSWER, { waitForTrailers: true });
  stream.end(frame);
}

/** Trailers only. The message of another error is not for the caller. */
function refuse(stream: ServerHttp2Stream, error: unknown): void {
  if (stream.destroyed) return;
  const { code, message } =
    error instanceof GrpcFailure ? error : new GrpcFailure(INTERNAL, "The call could not be answered.");
  stream.respond({ ...GRPC_ANSWER, "grpc-status": String(code), "grpc-message": message }, { endStream: true });
}
