/**
 * The answers of the fast lane, made for each protocol and written for each HTTP version. Headers are flat lists of
 * names and values, which Node's HTTP/2 writes at half the price of objects. Each function adds to the list that it
 * gets.
 */
import type { ServerResponse } from "node:http";
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import { mergeNonProtocolHeaders } from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";
import type { JsonWriteOptions } from "@bufbuild/protobuf";
import { lingerThen, lingerThenReset } from "../../body.js";
import type { LazyContext } from "./lazy-context.js";

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
