/**
 * What the fast lane writes: an answer for each protocol. Headers are flat lists of names and values, which Node's HTTP/2
 * writes at half the price of objects; each function below adds to the list that it is given.
 */
import type { OutgoingHttpHeaders } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import { mergeNonProtocolHeaders } from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";
import type { JsonWriteOptions } from "@bufbuild/protobuf";
import type { LazyContext } from "./lazy-context.js";

/** An answer, complete. */
export interface Answer {
  readonly status: number;
  /** Names in lower case, each followed by its value. */
  readonly headers: readonly string[];
  /** Absent: an answer of headers only. */
  readonly body: Uint8Array | undefined;
  readonly trailers: OutgoingHttpHeaders | undefined;
}

const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": grpc.grpcStatusOk };

/** gRPC's answer with a message in its envelope. */
export function grpcMessage(headers: string[], envelope: Uint8Array, { sentHeader, sentTrailer }: LazyContext): Answer {
  append(headers, sentHeader);
  const trailers = sentTrailer === undefined ? OK_TRAILERS : { ...Object.fromEntries(sentTrailer), ...OK_TRAILERS };
  return { status: 200, headers, body: envelope, trailers };
}

/** gRPC's refusal: "trailers only", all in one HEADERS frame. */
export function grpcError(headers: string[], error: ConnectError, { sentHeader, sentTrailer }: LazyContext): Answer {
  append(headers, sentHeader);
  append(headers, grpc.setTrailerStatus(sentTrailer ?? new Headers(), error));
  return { status: 200, headers, body: undefined, trailers: undefined };
}

/** Connect's answer with a message. */
export function connectMessage(headers: string[], message: Uint8Array, context: LazyContext): Answer {
  return connectAnswer(200, headers, message, context);
}

/** Connect's refusal: JSON whatever the codec, with the HTTP status of its code. */
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

function connectAnswer(status: number, headers: string[], body: Uint8Array, context: LazyContext): Answer {
  headers.push("content-length", String(body.byteLength));
  append(headers, context.sentHeader);
  context.sentTrailer?.forEach((value, name) => headers.push(`trailer-${name}`, value));
  return { status, headers, body, trailers: undefined };
}

function append(to: string[], from: Headers | undefined): void {
  from?.forEach((value, name) => to.push(name, value));
}
