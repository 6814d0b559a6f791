/** The stock road: Connect's own handlers, for everything that the fast lane leaves alone. */
import http2, { type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler, UniversalHandlerOptions } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { readBody } from "../body.js";
import type { Exchange } from "../exchange.js";
import type { Pace } from "../pace.js";
import type { UnderWay } from "../under-way.js";
import { boundedMessages, oneMessage } from "./call-body.js";
import { ENVELOPE_BYTES } from "./lane/wire.js";
import type { CallStart } from "./lane/lane.js";
import type { RawStream } from "./rpc-server.js";
import type { ServiceList } from "./service-list.js";

type NodeResponse = ServerResponse | Http2ServerResponse;

/** Connect's adapter takes these. */
interface Pair {
  readonly request: IncomingMessage | Http2ServerRequest;
  readonly response: NodeResponse;
}

export type ProtocolName = "grpc" | "grpc-web" | "connect";

export interface StockRoadOptions extends Partial<UniversalHandlerOptions> {
  readonly services: ServiceList;
  readonly readMaxBytes: number;
  readonly underWay: UnderWay;
  /** Whether there is room for a call of the method at this path. */
  readonly admits: (path: string) => boolean;
  readonly begin: (exchange: Exchange, protocolName: ProtocolName) => CallStart;
  /** Whether the connection may have one more stream that does not end by itself. */
  readonly hasPlace: (path: string, exchange: Exchange) => boolean;
  readonly pace: Pace;
  /** Gets failures that reached no caller. The caller is usually gone. */
  readonly onFailure: (error: unknown) => void;
}

export interface StockRoad {
  /** Whether a method is at this path. */
  has(path: string): boolean;
  /** Whether its connection may have one more of these calls; asked once for each. */
  hasPlaceFor(path: string, exchange: Exchange): boolean;
  takeStream(stream: ServerHttp2Stream, path: string, exchange: Exchange, raw: RawStream): void;
  takeRequest(request: IncomingMessage, response: ServerResponse, path: string, exchange: Exchange): void;
}

/** Connect makes a URL from the host and reads only its path. HTTP/1.0 has no host, and HTTP/2 may lack one. */
const ANY_HOST = "localhost";

/** The cost of a call on this road, in requests of the fast lane. */
const CONNECT_COST = 16;

export function createStockRoad(options: StockRoadOptions): StockRoad {
  const { services, readMaxBytes, underWay, admits, hasPlace, begin, onFailure, pace, ...connectOptions } = options;
  const router = createConnectRouter({ ...connectOptions, readMaxBytes });
  for (const [service, implementation] of services) router.service(service, implementation);
  const handlers = new Map<string, UniversalHandler>(router.handlers.map((handler) => [handler.requestPath, handler]));

  /** Always in a turn to come: this is called where nobody catches. */
  const soon = (exchange: Exchange, call: () => void) => pace.wait(exchange, CONNECT_COST, call);

  /** Hands a call to Connect once its message is there, or, where there may be many, at once. */
  function take(path: string, exchange: Exchange, source: Readable, makePair: () => Pair | undefined): void {
    const handler = handlers.get(path);
    if (handler === undefined) throw new Error(`no method lives at ${path}`);
    const kind = handler.method.methodKind;
    if (kind === "bidi_streaming" || kind === "client_streaming") {
      exchange.beganAt = undefined;
      soon(exchange, () => run(handler, exchange, makePair(), boundedMessages(source, exchange)));
      return;
    }
    const limits = { maxBytes: readMaxBytes + ENVELOPE_BYTES, underWay, admits: () => admits(path) };
    readBody(source, exchange, limits, (body) => {
      if (kind === "server_streaming") exchange.beganAt = undefined;
      soon(exchange, () => run(handler, exchange, makePair(), oneMessage(body)));
    });
  }

  function run(
    handler: UniversalHandler,
    exchange: Exchange,
    pair: Pair | undefined,
    body: AsyncIterable<Uint8Array>,
  ): void {
    if (pair === undefined) return;
    const { request, response } = pair;
    if (!hasUsableUrl(exchange)) return end(response, 400);
    request.on("error", ignore); // Connect stops listening before Node emits the abort
    response.on("error", ignore);
    const { values, headers } = begin(exchange, protocolNameOf(exchange.headers["content-type"]));
    for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at] ?? "", headers[at + 1] ?? "");
    handler({ ...universalRequestFromNodeRequest(request, response, undefined, values), body })
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((error: unknown) => {
        if (ConnectError.from(error).code !== Code.Aborted) onFailure(error);
        if (response.headersSent) exchange.target.destroy();
        else if (!exchange.target.destroyed) end(response, 500);
      });
  }

  // Never listens. It turns a stream into the pair of objects that Connect's adapter accepts, at once.
  let made: Pair | undefined;
  const compat = http2.createServer((request, response) => (made = { request, response }));

  /** Undefined if Node has answered by itself: it refuses an unknown expectation. */
  function pairOf(stream: ServerHttp2Stream, { headers, flags, rawHeaders }: RawStream): Pair | undefined {
    made = undefined;
    compat.emit("stream", stream, headers, flags, rawHeaders);
    return made;
  }

  return {
    has: (path) => handlers.has(path),
    hasPlaceFor: (path, exchange) => handlers.get(path)?.method.methodKind === "unary" || hasPlace(path, exchange),
    takeStream(stream, path, exchange, raw) {
      if (raw.headers.host === undefined) raw.headers[":authority"] ??= ANY_HOST;
      take(path, exchange, stream, () => pairOf(stream, raw));
    },
    takeRequest(request, response, path, exchange) {
      request.headers.host ??= ANY_HOST;
      if (handlers.get(path)?.method.methodKind !== "unary") endWithClient(request, response);
      take(path, exchange, request, () => ({ request, response }));
    },
  };
}

/** In which a refusal of the call reaches a client that has half-closed. */
const HALF_CLOSED_MS = 1000;

/**
 * Cuts an answer without an end once its client has closed its half of the connection. A client that is gone looks the
 * same, and its call would stay until the connection is too old.
 */
function endWithClient({ socket }: IncomingMessage, response: ServerResponse): void {
  let cut: NodeJS.Timeout | undefined;
  const halfClosed = () => (cut = setTimeout(() => response.destroy(), HALF_CLOSED_MS).unref());
  socket.once("end", halfClosed);
  response.once("close", () => {
    clearTimeout(cut);
    socket.off("end", halfClosed);
  });
}

/** Connect's adapter needs a URL. */
function hasUsableUrl({ headers }: Exchange): boolean {
  return URL.canParse(`http://${String(headers[":authority"] ?? headers.host)}`);
}

function ignore(): void {}

function end(response: NodeResponse, status: number): void {
  response.statusCode = status;
  response.end();
}

/** A content type that is neither gRPC nor gRPC-Web counts as Connect. */
export function protocolNameOf(contentType: string | undefined): ProtocolName {
  if (contentType?.startsWith("application/grpc-web") === true) return "grpc-web";
  return contentType?.startsWith("application/grpc") === true ? "grpc" : "connect";
}
