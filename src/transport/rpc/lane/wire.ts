/** The unary wire formats that the fast lane speaks, in terms of Connect's own constants and parsers. */
import type { ConnectError } from "@connectrpc/connect";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";

/** One protocol. */
export interface WireProtocol {
  readonly name: "grpc" | "connect";
  readonly timeoutHeader: string;
  /** How the message is compressed. */
  readonly encodingHeader: string;
  /** Which compressions the caller takes. */
  readonly acceptHeader: string;
  parseTimeout(value: string | null, maxTimeoutMs: number): { timeoutMs?: number; error?: ConnectError | undefined };
}

/** A protocol with one of its codecs. */
export interface Wire {
  readonly protocol: WireProtocol;
  readonly binary: boolean;
  /** Of an answer that is no error. */
  readonly contentType: string;
}

/** gRPC: a message in an envelope, the status in trailers; over HTTP/2 only. */
export const GRPC: WireProtocol = {
  name: "grpc",
  timeoutHeader: "grpc-timeout",
  encodingHeader: "grpc-encoding",
  acceptHeader: "grpc-accept-encoding",
  parseTimeout: grpc.parseTimeout,
};

/** Connect unary: the message is the body, the status is HTTP's. */
export const CONNECT: WireProtocol = {
  name: "connect",
  timeoutHeader: "connect-timeout-ms",
  encodingHeader: "content-encoding",
  acceptHeader: "accept-encoding",
  parseTimeout: connect.parseTimeout,
};

/** By the content types that clients really send. Any other spelling takes the stock road, which knows them all. */
export const WIRES: ReadonlyMap<string, Wire> = new Map([
  ["application/grpc", { protocol: GRPC, binary: true, contentType: grpc.contentTypeProto }],
  ["application/grpc+proto", { protocol: GRPC, binary: true, contentType: grpc.contentTypeProto }],
  ["application/grpc+json", { protocol: GRPC, binary: false, contentType: grpc.contentTypeJson }],
  ["application/proto", { protocol: CONNECT, binary: true, contentType: connect.contentTypeUnaryProto }],
  ...["application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"].map(
    (type) => [type, { protocol: CONNECT, binary: false, contentType: connect.contentTypeUnaryJson }] as const,
  ),
]);
