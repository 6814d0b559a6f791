/** The unary wire formats of the fast lane: Connect's own constants and parsers, and gRPC's envelope. */
import { Code, ConnectError } from "@connectrpc/connect";
import { compressedFlag, type Compression } from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";

export interface WireProtocol {
  readonly name: "grpc" | "connect";
  readonly timeoutHeader: string;
  /** Names the compression of the message. */
  readonly encodingHeader: string;
  /** Names the compressions that the caller accepts. */
  readonly acceptHeader: string;
  parseTimeout(value: string | null, maxTimeoutMs: number): { timeoutMs?: number; error?: ConnectError | undefined };
}

export interface Wire {
  readonly protocol: WireProtocol;
  readonly binary: boolean;
  /** The content type of an answer that is no error. */
  readonly contentType: string;
}

/** The message is in an envelope and the status in trailers. Only over HTTP/2. */
export const GRPC: WireProtocol = {
  name: "grpc",
  timeoutHeader: "grpc-timeout",
  encodingHeader: "grpc-encoding",
  acceptHeader: "grpc-accept-encoding",
  parseTimeout: grpc.parseTimeout,
};

/** Unary calls: the message is the body, the status is HTTP's. */
export const CONNECT: WireProtocol = {
  name: "connect",
  timeoutHeader: "connect-timeout-ms",
  encodingHeader: "content-encoding",
  acceptHeader: "accept-encoding",
  parseTimeout: connect.parseTimeout,
};

/** The content types that clients really send. Any other spelling goes to the stock road, which knows them all. */
export const WIRES: ReadonlyMap<string, Wire> = new Map([
  ["application/grpc", { protocol: GRPC, binary: true, contentType: grpc.contentTypeProto }],
  ["application/grpc+proto", { protocol: GRPC, binary: true, contentType: grpc.contentTypeProto }],
  ["application/grpc+json", { protocol: GRPC, binary: false, contentType: grpc.contentTypeJson }],
  ["application/proto", { protocol: CONNECT, binary: true, contentType: connect.contentTypeUnaryProto }],
  ...["application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"].map(
    (type) => [type, { protocol: CONNECT, binary: false, contentType: connect.contentTypeUnaryJson }] as const,
  ),
]);

/** gRPC puts one flag byte and four bytes of length in front of each message. */
export const ENVELOPE_BYTES = 5;

/**
 * The message of a unary request. Synchronous unless the message is compressed. Throws what stock Connect throws for a
 * body that does not hold exactly one message.
 */
export function openEnvelope(
  body: Buffer,
  compression: Compression | null,
  maxBytes: number,
): Uint8Array | Promise<Uint8Array> {
  if (body.length === 0) {
    throw new ConnectError("protocol error: missing input message for unary method", Code.Unimplemented);
  }
  if (body.length < ENVELOPE_BYTES) throw incomplete();
  const size = body.readUInt32BE(1);
  if (size > maxBytes) {
    throw new ConnectError(
      `message size ${size} is larger than configured readMaxBytes ${maxBytes}`,
      Code.ResourceExhausted,
    );
  }
  if (body.length < ENVELOPE_BYTES + size) throw incomplete();
  if (body.length > ENVELOPE_BYTES + size) {
    throw new ConnectError("protocol error: received extra input message for unary method", Code.Unimplemented);
  }
  const message = body.subarray(ENVELOPE_BYTES);
  if ((body.readUInt8(0) & compressedFlag) === 0) return message;
  if (compression === null) {
    throw new ConnectError("received compressed envelope, but do not know how to decompress", Code.Internal);
  }
  return compression.decompress(message, maxBytes);
}

/** Never compresses. */
export function closeEnvelope(message: Uint8Array): Buffer {
  const envelope = Buffer.allocUnsafe(ENVELOPE_BYTES + message.byteLength);
  envelope[0] = 0;
  envelope.writeUInt32BE(message.byteLength, 1);
  envelope.set(message, ENVELOPE_BYTES);
  return envelope;
}

function incomplete(): ConnectError {
  return new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
}
