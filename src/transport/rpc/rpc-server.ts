/**
 * Chooses the road of each call: the fast lane, or else stock Connect. It answers preflights and calls of unknown
 * methods by itself. It knows no service.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  createContextKey,
  createContextValues,
  type ConnectError,
  type ContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandlerOptions } from "@connectrpc/connect/protocol";
import { compressionGzip } from "@connectrpc/connect-node";
import type { Caller } from "../../oauth/request.js";
import type { Logger } from "../../telemetry/logger.js";
import { lingerThen, lingerThenReset } from "../body.js";
import type { CallerFactory } from "../caller.js";
import type { Exchange } from "../exchange.js";
import { MAX_ANSWER_BYTES, MAX_MESSAGE_BYTES, MAX_TIMEOUT_MS } from "../limits.js";
import type { Batch } from "../batch.js";
import type { Pace } from "../pace.js";
import type { UnderWay } from "../under-way.js";
import { createCorsPolicy } from "./cors.js";
import { withErrorInfo } from "./errors.js";
import { createFastLane, type CallStart } from "./lane/lane.js";
import type { ServiceList } from "./service-list.js";
import { createStockRoad, protocolNameOf, type ProtocolName } from "./stock-road.js";

export interface RpcServerOptions {
  readonly services: ServiceList;
  readonly callerOf: CallerFactory;
  readonly corsOrigins: readonly string[];
  readonly underWay: UnderWay;
  /** Whether there is room for a call of the method at this path. Asked before its message is collected. */
  readonly admits: (path: string) => boolean;
  /** Whether the connection may have one more stream that does not end by itself. */
  readonly hasPlace: (path: string, exchange: Exchange) => boolean;
  readonly pace: Pace;
  readonly batch: Batch<Exchange>;
  readonly logger: Logger;
  /** For services whose messages hold an `Any`. Ours hold none. */
  readonly jsonOptions?: UniversalHandlerOptions["jsonOptions"];
  /** Adds the details that every error carries to an error of the protocol itself. */
  readonly describe?: (error: ConnectError) => ConnectError;
  /** Told of each call on the fast lane that no handler recorded. */
  readonly onRefused?: (path: string, call: RpcCall, error: unknown) => void;
}

/** What is known of a call before its message is read. */
export interface RpcCall {
  readonly caller: Caller;
  readonly arrival: Exchange;
}

/** A handler finds its call under this key, on the fast lane and on the stock road. */
const rpcCallKey = createContextKey<RpcCall | undefined>(undefined, { description: "icemint call" });

/** Throws if the handler runs behind a server that sets no call. */
export function rpcCallOf({ values }: Pick<HandlerContext, "values">): RpcCall {
  const call = values.get(rpcCallKey);
  if (call === undefined) throw new Error("the handler context carries no call");
  return call;
}

/** The arguments of Node's 'stream' event. */
export interface RawStream {
  readonly headers: IncomingHttpHeaders;
  readonly flags: number;
  readonly rawHeaders: string[];
}

/** Each method returns whether the request was a call. */
export interface RpcServer {
  takeStream(stream: ServerHttp2Stream, path: string, exchange: Exchange, raw: RawStream): boolean;
  takeRequest(request: IncomingMessage, response: ServerResponse, path: string, exchange: Exchange): boolean;
}

/** gRPC's UNIMPLEMENTED: a bare 404 makes grpcurl and the health probe report nonsense. */
const NOT_SERVED = ["grpc-status", "12", "grpc-message", "this method is not served"];
/** gRPC's RESOURCE_EXHAUSTED. */
const NO_PLACE = ["grpc-status", "8", "grpc-message", "too many streams of this kind on one connection"];

/**
 * Larger than any answer. No answer is compressed: its size could betray a token beside a string that the caller chose.
 */
const NEVER = 0xffff_ffff;

/**
 * The values of each call inherit three methods, which keep a value in `this`. `createContextValues` makes them per
 * call.
 */
const NO_VALUES = createContextValues();

export function createRpcServer({
  services,
  callerOf,
  corsOrigins,
  underWay,
  admits,
  hasPlace,
  pace,
  batch,
  logger,
  jsonOptions = {},
  describe = withErrorInfo,
  onRefused = () => {},
}: RpcServerOptions): RpcServer {
  const cors = createCorsPolicy(corsOrigins);

  function begin(exchange: Exchange, protocolName: ProtocolName): CallStart {
    const caller = callerOf(exchange, protocolName);
    exchange.requestId = caller.requestId;
    const { origin } = exchange.headers;
    const headers = ["x-request-id", caller.requestId];
    if (origin !== undefined) headers.push(...Object.entries(cors.forAnswer(origin) ?? {}).flat());
    const values: ContextValues = Object.create(NO_VALUES);
    return { values: values.set(rpcCallKey, { caller, arrival: exchange }), headers };
  }

  const limits = { readMaxBytes: MAX_MESSAGE_BYTES, writeMaxBytes: MAX_ANSWER_BYTES };
  const acceptCompression = [compressionGzip];
  const lane = createFastLane({
    services,
    ...limits,
    maxTimeoutMs: MAX_TIMEOUT_MS,
    underWay,
    admits,
    batch,
    acceptCompression,
    jsonOptions,
    begin,
    describe,
    onFailure: (path, values, error) => onRefused(path, rpcCallOf({ values }), error),
  });
  const stock = createStockRoad({
    services,
    ...limits,
    underWay,
    admits,
    hasPlace,
    pace,
    compressMinBytes: NEVER,
    acceptCompression,
    jsonOptions,
    begin,
    onFailure: (error) => logger.debug("an RPC answer could not be sent", { err: error }),
  });

  /** Undefined unless the request is a preflight that is allowed. */
  const preflight = (method: unknown, origin: string | undefined) =>
    method === "OPTIONS" ? cors.forPreflight(origin) : undefined;

  /** A refusal in header fields alone. */
  function refusal(status: readonly string[], exchange: Exchange): string[] {
    const contentType = exchange.headers["content-type"];
    const { headers } = begin(exchange, protocolNameOf(contentType));
    return ["content-type", contentType ?? "", ...headers, ...status];
  }

  return {
    takeStream(stream, path, exchange, raw) {
      if (lane.takeStream(stream, path, exchange)) return true;
      const { headers } = exchange;
      if (stock.has(path)) {
        const allowed = preflight(headers[":method"], headers.origin);
        if (allowed !== undefined) endStream(stream, { ":status": 204, ...allowed });
        else if (stock.hasPlaceFor(path, exchange)) stock.takeStream(stream, path, exchange, raw);
        else endStream(stream, [":status", "200", ...refusal(NO_PLACE, exchange)]);
        return true;
      }
      const protocolName = protocolNameOf(headers["content-type"]);
      if (protocolName === "connect") return false;
      endStream(stream, [":status", "200", ...refusal(NOT_SERVED, exchange)]);
      return true;
    },

    takeRequest(request, response, path, exchange) {
      if (lane.takeRequest(request, response, path, exchange)) return true;
      const { headers } = exchange;
      if (stock.has(path)) {
        const allowed = preflight(request.method, headers.origin);
        if (allowed !== undefined) endResponse(response, 204, allowed);
        else stock.takeRequest(request, response, path, exchange); // one at a time: no bound is needed
        return true;
      }
      if (protocolNameOf(headers["content-type"]) !== "grpc-web") return false;
      endResponse(response, 200, refusal(NOT_SERVED, exchange));
      return true;
    },
  };
}

/** Answers with headers alone and does not wait for the rest of the request. */
function endStream(stream: ServerHttp2Stream, fields: OutgoingHttpHeaders | string[]): void {
  stream.respond(fields, { endStream: true });
  lingerThenReset(stream);
}

/** The same over HTTP/1.1. Closes the connection if the request is not read to its end. */
function endResponse(response: ServerResponse, status: number, fields: OutgoingHttpHeaders | string[]): void {
  const request = response.req;
  if (request.complete) return void response.writeHead(status, fields).end();
  response.shouldKeepAlive = false;
  response.writeHead(status, fields).flushHeaders();
  lingerThen(request, () => response.end());
}
