/** The stock road: Connect's own handlers, for everything that the fast lane leaves alone. */
import http2, { type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler, UniversalHandlerOptions } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Exchange } from "../exchange.js";
import type { UnderWay } from "../under-way.js";
import type { CallStart } from "./lane/lane.js";
import { meteredBody } from "./metered-body.js";
import type { RawStream } from "./rpc-server.js";
import type { ServiceList } from "./service-list.js";

type NodeRequest = IncomingMessage | Http2ServerRequest;
type NodeResponse = ServerResponse | Http2ServerResponse;

export type ProtocolName = "grpc" | "grpc-web" | "connect";

export interface StockRoadOptions extends Partial<UniversalHandlerOptions> {
  readonly services: ServiceList;
  readonly underWay: UnderWay;
  /** Whether there is room for a call of the method at this path. */
  readonly admits: (path: string) => boolean;
  readonly begin: (exchange: Exchange, protocolName: ProtocolName) => CallStart;
  /** Gets failures that reached no caller. The caller is usually gone. */
  readonly onFailure: (error: unknown) => void;
}

export interface StockRoad {
  /** Whether a method is at this path. */
  has(path: string): boolean;
  takeStream(stream: ServerHttp2Stream, exchange: Exchange, raw: RawStream): void;
  takeRequest(request: IncomingMessage, response: ServerResponse, exchange: Exchange): void;
}

/** Connect makes a URL from the host and reads only its path. HTTP/1.0 has no host, and HTTP/2 may lack one. */
const ANY_HOST = "localhost";

export function createStockRoad({
  services,
  underWay,
  admits,
  begin,
  onFailure,
  ...options
}: StockRoadOptions): StockRoad {
  const router = createConnectRouter(options);
  for (const [service, implementation] of services) router.service(service, implementation);
  const handlers = new Map<string, UniversalHandler>(router.handlers.map((handler) => [handler.requestPath, handler]));

  function take(request: NodeRequest, response: NodeResponse, exchange: Exchange): void {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const handler = handlers.get(path);
    if (handler === undefined) return end(response, 404);
    if (!hasUsableUrl(exchange)) return end(response, 400);
    request.on("error", ignore); // Connect stops listening before Node emits the abort
    response.on("error", ignore);
    const { values, headers } = begin(exchange, protocolNameOf(exchange.headers["content-type"]));
    for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at] ?? "", headers[at + 1] ?? "");
    const universal = universalRequestFromNodeRequest(request, response, undefined, values);
    const body = meteredBody(request, {
      exchange,
      underWay,
      admits: () => admits(path),
      kind: handler.method.methodKind,
    });
    handler({ ...universal, body })
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((error: unknown) => {
        if (ConnectError.from(error).code !== Code.Aborted) onFailure(error);
        if (response.headersSent) exchange.target.destroy();
        else if (!exchange.target.destroyed) end(response, 500);
      });
  }

  // Never listens. It turns a stream into the pair of objects that Connect's adapter accepts.
  const compat = http2.createServer();

  return {
    has: (path) => handlers.has(path),
    takeStream(stream, exchange, { headers, flags, rawHeaders }) {
      if (headers.host === undefined) headers[":authority"] ??= ANY_HOST;
      compat.once("request", (request, response) => take(request, response, exchange)); // emitted at once
      compat.emit("stream", stream, headers, flags, rawHeaders);
    },
    takeRequest(request, response, exchange) {
      request.headers.host ??= ANY_HOST;
      take(request, response, exchange);
    },
  };
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
