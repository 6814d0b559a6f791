/** Which calls take which road, and what HTTP itself says of those that take none. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createContextValues, type ConnectError, type ContextValues } from "@connectrpc/connect";
import type { UniversalHandlerOptions } from "@connectrpc/connect/protocol";
import { compressionGzip } from "@connectrpc/connect-node";
import { GetTokenResponseSchema } from "../../gen/icemint/v1/token_service_pb.js";
import type { Logger } from "../../telemetry/logger.js";
import type { Arrival, CallerFactory } from "../caller.js";
import { MAX_ANSWER_BYTES, MAX_MESSAGE_BYTES, MAX_TIMEOUT_MS } from "../limits.js";
import type { SlowBodies } from "../slow-bodies.js";
import type { Turn } from "../batch.js";
import { rpcCallKey } from "./call-context.js";
import { createCorsPolicy } from "./cors.js";
import { withErrorInfo } from "./errors.js";
import { createFastLane, type CallStart } from "./lane/lane.js";
import type { ServiceList } from "./service-list.js";
import { encodeTokenResponse } from "./lane/token-response-bytes.js";
import { createStockRoad, protocolNameOf, type ProtocolName } from "./stock-road.js";

/** What the server is made of. */
export interface RpcServerOptions {
  readonly services: ServiceList;
  readonly callerOf: CallerFactory;
  readonly corsOrigins: readonly string[];
  readonly slowBodies: SlowBodies;
  readonly turn: Turn;
  readonly logger: Logger;
  /** For services whose messages hold an `Any`; ours have none. */
  readonly jsonOptions?: UniversalHandlerOptions["jsonOptions"];
  /** Gives an error of the protocol itself what every error carries; by default `ErrorInfo`. */
  readonly describe?: (error: ConnectError) => ConnectError;
}

/** Serves RPCs. Each method says whether the request was one. */
export interface RpcServer {
  takeStream(
    stream: ServerHttp2Stream,
    path: string,
    arrival: Arrival,
    raw: { readonly headers: IncomingHttpHeaders; readonly flags: number; readonly rawHeaders: string[] },
  ): boolean;
  takeRequest(request: IncomingMessage, response: ServerResponse, path: string): boolean;
}

/** Larger than any answer: none is compressed, since a token beside text that a caller chose could be guessed by size. */
const NEVER = 0xffff_ffff;

/**
 * The values of each call inherit the three methods, which keep a value in `this`: `createContextValues` would make them
 * anew for each.
 */
const NO_VALUES = createContextValues();

const ENCODERS = new Map([[GetTokenResponseSchema.typeName, encodeTokenResponse]]);

/** Makes the server. */
export function createRpcServer({
  services,
  callerOf,
  corsOrigins,
  slowBodies,
  turn,
  logger,
  jsonOptions = {},
  describe = withErrorInfo,
}: RpcServerOptions): RpcServer {
  const cors = createCorsPolicy(corsOrigins);

  function begin(arrival: Arrival, protocolName: ProtocolName): CallStart {
    const caller = callerOf(arrival, protocolName);
    const { origin } = arrival.headers;
    const headers = ["x-request-id", caller.requestId];
    if (origin !== undefined) headers.push(...Object.entries(cors.forAnswer(origin) ?? {}).flat());
    const values: ContextValues = Object.create(NO_VALUES);
    return { values: values.set(rpcCallKey, { caller, arrival }), headers };
  }

  const limits = { readMaxBytes: MAX_MESSAGE_BYTES, writeMaxBytes: MAX_ANSWER_BYTES };
  const acceptCompression = [compressionGzip];
  const lane = createFastLane({
    services,
    ...limits,
    maxTimeoutMs: MAX_TIMEOUT_MS,
    slowBodies,
    turn,
    encoders: ENCODERS,
    acceptCompression,
    jsonOptions,
    begin,
    describe,
  });
  const stock = createStockRoad({
    services,
    ...limits,
    compressMinBytes: NEVER,
    acceptCompression,
    jsonOptions,
    begin,
    onFailure: (error) => logger.debug("an RPC answer could not be sent", { err: error }),
  });

  /** Headers for a preflight, if the request is one and allowed. */
  const preflight = (method: unknown, origin: string | undefined) =>
    method === "OPTIONS" ? cors.forPreflight(origin) : undefined;

  return {
    takeStream(stream, path, arrival, { headers, flags, rawHeaders }) {
      if (lane.takeStream(stream, path, arrival)) return true;
      if (stream.destroyed || stream.closed) return true; // a reset came in the same packet: nobody is there to answer
      if (stock.has(path)) {
        const allowed = preflight(headers[":method"], headers.origin);
        if (allowed !== undefined) stream.respond({ ":status": 204, ...allowed }, { endStream: true });
        else stock.takeStream(stream, headers, flags, rawHeaders);
        return true;
      }
      const protocolName = protocolNameOf(headers["content-type"]);
      if (protocolName === "connect") return false;
      const fields = unknownMethod(headers["content-type"], begin(arrival, protocolName));
      stream.respond([":status", "200", ...fields], { endStream: true });
      return true;
    },

    takeRequest(request, response, path) {
      if (lane.takeRequest(request, response, path)) return true;
      const { headers } = request;
      if (stock.has(path)) {
        const allowed = preflight(request.method, headers.origin);
        if (allowed !== undefined) response.writeHead(204, allowed).end();
        else stock.takeRequest(request, response);
        return true;
      }
      if (protocolNameOf(headers["content-type"]) !== "grpc-web") return false;
      const arrival = { headers, rawHeaders: request.rawHeaders, peerAddress: request.socket.remoteAddress };
      response.writeHead(200, unknownMethod(headers["content-type"], begin(arrival, "grpc-web"))).end();
      return true;
    },
  };
}

/** gRPC's UNIMPLEMENTED, in headers alone: a bare 404 makes grpcurl and the health probe report nonsense. */
function unknownMethod(contentType: string | undefined, { headers }: CallStart): string[] {
  const status = ["grpc-status", "12", "grpc-message", "this method is not served"];
  return ["content-type", contentType ?? "", ...headers, ...status];
}
