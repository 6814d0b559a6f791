/** What the fast lane writes: an answer for each protocol, as plain header objects. */
import type { OutgoingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { mergeNonProtocolHeaders } from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";
import type { JsonWriteOptions } from "@bufbuild/protobuf";
import { closeEnvelope } from "./envelope.js";
import type { LazyContext } from "./lazy-context.js";

/** An answer, complete. */
export interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  /** Absent: an answer of headers only. */
  readonly body: Uint8Array | undefined;
  readonly trailers: OutgoingHttpHeaders | undefined;
}

const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": grpc.grpcStatusOk };

/** gRPC's answer with a message. */
export function grpcMessage(headers: OutgoingHttpHeaders, message: Uint8Array, context: LazyContext): Answer {
  const { sentTrailer } = context;
  copy(context.sentHeader, headers);
  const trailers = sentTrailer === undefined ? OK_TRAILERS : { ...toObject(sentTrailer), ...OK_TRAILERS };
  return { status: 200, headers, body: closeEnvelope(message), trailers };
}

/** gRPC's refusal: "trailers only", all in one HEADERS frame, unless the handler had set trailers or headers. */
export function grpcError(headers: OutgoingHttpHeaders, error: ConnectError, context: LazyContext): Answer {
  copy(context.sentHeader, headers);
  const trailer = grpc.setTrailerStatus(context.sentTrailer ?? new Headers(), error);
  return { status: 200, headers, body: undefined, trailers: toObject(trailer) };
}

/** Connect's answer with a message. */
export function connectMessage(headers: OutgoingHttpHeaders, message: Uint8Array, context: LazyContext): Answer {
  return connectAnswer(200, headers, message, context);
}

/** Connect's refusal: JSON whatever the codec, with the HTTP status of its code. */
export function connectError(
  headers: OutgoingHttpHeaders,
  error: ConnectError,
  context: LazyContext,
  jsonOptions: Partial<JsonWriteOptions> | undefined,
): Answer {
  headers["content-type"] = connect.contentTypeUnaryJson;
  mergeNonProtocolHeaders(context.responseHeader, error.metadata);
  const body = connect.errorToJsonBytes(error, jsonOptions);
  return connectAnswer(connect.codeToHttpStatus(error.code), headers, body, context);
}

function connectAnswer(status: number, headers: OutgoingHttpHeaders, body: Uint8Array, context: LazyContext): Answer {
  headers["content-length"] = body.byteLength;
  copy(context.sentHeader, headers);
  context.sentTrailer?.forEach((value, name) => (headers[`trailer-${name}`] = value));
  return { status, headers, body, trailers: undefined };
}

function copy(from: Headers | undefined, to: OutgoingHttpHeaders): void {
  from?.forEach((value, name) => (to[name] = value));
}

function toObject(headers: Headers): OutgoingHttpHeaders {
  return Object.fromEntries(headers);
}
