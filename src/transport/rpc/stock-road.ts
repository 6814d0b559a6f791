/** The stock road: Connect's own handlers, for everything that the fast lane leaves alone. */
import http2, { type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler, UniversalHandlerOptions } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Arrival } from "../caller.js";
import type { CallStart } from "./lane/lane.js";
import type { ServiceList } from "./service-list.js";

type NodeRequest = IncomingMessage | Http2ServerRequest;
type NodeResponse = ServerResponse | Http2ServerResponse;

/** A protocol by what a request's content type says. */
export type ProtocolName = "grpc" | "grpc-web" | "connect";

/** What the road is made of. */
export interface StockRoadOptions extends Partial<UniversalHandlerOptions> {
  readonly services: ServiceList;
  readonly begin: (arrival: Arrival, protocolName: ProtocolName) => CallStart;
  /** Told of failures that are no answer: the caller is usually gone. */
  readonly onFailure: (error: unknown) => void;
}

/** The road. */
export interface StockRoad {
  /** Whether a method lives at this path. */
  has(path: string): boolean;
  takeStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]): void;
  takeRequest(request: IncomingMessage, response: ServerResponse): void;
}

/** Connect makes a URL of the host, of which it reads the path. HTTP/1.0 has none, and HTTP/2 need not name one. */
const ANY_HOST = "localhost";

/** Makes the road. */
export function createStockRoad({ services, begin, onFailure, ...options }: StockRoadOptions): StockRoad {
  const router = createConnectRouter(options);
  for (const [service, implementation] of services) router.service(service, implementation);
  const handlers = new Map<string, UniversalHandler>(router.handlers.map((handler) => [handler.requestPath, handler]));

  function take(request: NodeRequest, response: NodeResponse): void {
    const handler = handlers.get((request.url ?? "").split("?", 1)[0] ?? "");
    if (handler === undefined) return end(response, 404);
    request.on("error", ignore); // Connect stops listening before the news of an abort is out
    response.on("error", ignore);
    const { values, headers } = begin(arrivalOf(request), protocolNameOf(request.headers["content-type"]));
    for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at] ?? "", headers[at + 1] ?? "");
    handler(universalRequestFromNodeRequest(request, response, undefined, values))
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((error: unknown) => {
        if (ConnectError.from(error).code !== Code.Aborted) onFailure(error);
        if (!response.headersSent) end(response, 500);
      });
  }

  // Never listens: turns a stream into the pair of objects that Connect's adapter knows.
  const compat = http2.createServer(take);

  return {
    has: (path) => handlers.has(path),
    takeStream(stream, headers, flags, rawHeaders) {
      if (headers.host === undefined) headers[":authority"] ??= ANY_HOST;
      compat.emit("stream", stream, headers, flags, rawHeaders);
    },
    takeRequest(request, response) {
      request.headers.host ??= ANY_HOST;
      take(request, response);
    },
  };
}

function ignore(): void {}

function end(response: NodeResponse, status: number): void {
  response.statusCode = status;
  response.end();
}

/** Reads a content type; Connect is what is neither of the others. */
export function protocolNameOf(contentType: string | undefined): ProtocolName {
  if (contentType?.startsWith("application/grpc-web") === true) return "grpc-web";
  return contentType?.startsWith("application/grpc") === true ? "grpc" : "connect";
}

function arrivalOf(request: NodeRequest): Arrival {
  const { headers, rawHeaders } = request;
  return { headers, rawHeaders, peerAddress: request.socket.remoteAddress };
}
