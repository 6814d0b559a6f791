/**
 * The unary wire formats of the fast lane: Connect's own constants and parsers, gRPC's envelope, and the answers, made
 * for each protocol and written for each HTTP version. Headers are flat lists of names and values, which Node's HTTP/2
 * writes at half the price of objects. Each function that makes an answer adds to the list that it gets.
 */
import type { ServerResponse } from "node:http";
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { compressedFlag, mergeNonProtocolHeaders, type Compression } from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";
import type { JsonWriteOptions } from "@bufbuild/protobuf";
import { lingerThen, lingerThenReset } from "../../body.js";
import type { LazyContext } from "./lazy-context.js";

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

export interface Answer {
  readonly status: number;
  /** Names in lower case, each followed by its value. */
  readonly headers: readonly string[];
  /** Undefined for an answer of headers only. */
  readonly body: Uint8Array | undefined;
  readonly trailers: OutgoingHttpHeaders | undefined;
}

const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": grpc.grpcStatusOk };

export function grpcMessage(headers: string[], envelope: Uint8Array, { sentHeader, sentTrailer }: LazyContext): Answer {
  append(headers, sentHeader);
  const trailers = sentTrailer === undefined ? OK_TRAILERS : { ...Object.fromEntries(sentTrailer), ...OK_TRAILERS };
  return { status: 200, headers, body: envelope, trailers };
}

/** gRPC calls this "trailers only": all is in one HEADERS frame. */
export function grpcError(headers: string[], error: ConnectError, { sentHeader, sentTrailer }: LazyContext): Answer {
  append(headers, sentHeader);
  append(headers, grpc.setTrailerStatus(sentTrailer ?? new Headers(), error));
  return { status: 200, headers, body: undefined, trailers: undefined };
}

export function connectMessage(headers: string[], message: Uint8Array, context: LazyContext): Answer {
  return connectAnswer(200, headers, message, context);
}

/** Connect sends errors as JSON in every codec, with the HTTP status of the code. */
export function connectError(
  headers: string[],
  error: ConnectError,
  context: LazyContext,
  jsonOptions: Partial<JsonWriteOptions> | undefined,
): Answer {
  mergeNonProtocolHeaders(context.responseHeader, error.metadata);
  const body = connect.errorToJsonBytes(error, jsonOptions);
  return connectAnswer(connect.codeToHttpStatus(error.code), headers, body, context);
}

const HEADERS_ONLY = { endStream: true };
const WITH_TRAILERS = { waitForTrailers: true };

export function writeStream(stream: ServerHttp2Stream, { status, headers, body, trailers }: Answer): void {
  if (stream.destroyed || stream.closed) return;
  const fields = [":status", String(status), ...headers];
  if (body === undefined) stream.respond(fields, HEADERS_ONLY);
  else {
    // This happens once, but `once` costs two objects more than `on`.
    if (trailers !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.respond(fields, trailers === undefined ? undefined : WITH_TRAILERS);
    stream.end(body);
  }
  lingerThenReset(stream);
}

/** HTTP/1.1. Closes the connection if the request has not been read to its end. */
export function writeResponse(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) return;
  const request = response.req;
  const fields = headers.slice(); // Node's types want a list of its own
  if (request.complete) {
    response.writeHead(status, fields).end(body);
    return;
  }
  response.shouldKeepAlive = false;
  response.writeHead(status, fields).write(body ?? "");
  lingerThen(request, () => response.end());
}

function connectAnswer(status: number, headers: string[], body: Uint8Array, context: LazyContext): Answer {
  headers.push("content-length", String(body.byteLength));
  append(headers, context.sentHeader);
  context.sentTrailer?.forEach((value, name) => headers.push(`trailer-${name}`, value));
  return { status, headers, body, trailers: undefined };
}

function append(to: string[], from: Headers | undefined): void {
  from?.forEach((value, name) => to.push(name, value));
}
