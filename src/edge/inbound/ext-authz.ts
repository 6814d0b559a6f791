/** The gRPC server that Envoy asks: `Authorization` and `grpc.health.v1.Health`. */
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import { create, type DescMethodUnary, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  Authorization,
  CheckRequestSchema,
  CheckResponseSchema,
} from "../../gen/envoy/service/auth/v3/external_auth_pb.js";
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/grpc/health/v1/health_pb.js";
import { SECOND } from "../../time/clock.js";
import { type CheckOptions, createCheck } from "./check.js";
import { GrpcFailure, serveUnary, type UnaryMethod } from "./grpc-unary.js";

export interface ExtAuthzOptions extends CheckOptions {
  /** Whether a live token would be accepted now. */
  readonly isServing: () => boolean;
}

export interface ExtAuthz {
  readonly server: Http2Server;
  /** Tells callers to go (GOAWAY) and lets calls that are under way end. */
  readonly drain: () => void;
  /** Ends every connection. */
  readonly destroy: () => void;
}

/** Envoy sends headers of at most 60 KiB, and a request's body only if it is told to. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_STREAMS = 1000;
const MAX_CONNECTIONS = 1000;
const TIMEOUT_MS = 10 * SECOND;
const NOT_FOUND = 5;
const READING = { readUnknownFields: false };

/** The server does not listen yet. */
export function createExtAuthz(options: ExtAuthzOptions): ExtAuthz {
  const server = createServer({ settings: { maxConcurrentStreams: MAX_STREAMS } });
  server.maxConnections = MAX_CONNECTIONS;
  const check = createCheck(options);
  const methods = new Map<string, UnaryMethod>([
    [
      pathOf(Authorization.method.check),
      async (message) => toBinary(CheckResponseSchema, await check(fromBinary(CheckRequestSchema, message, READING))),
    ],
    [pathOf(Health.method.check), (message) => health(message, options.isServing)],
  ]);
  serveUnary(server, { methods, maxMessageBytes: MAX_MESSAGE_BYTES, timeoutMs: TIMEOUT_MS });
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => {}); // the connection is gone: its calls end with it
  });
  return {
    server,
    drain: () => sessions.forEach((session) => session.close()),
    destroy: () => sessions.forEach((session) => session.destroy()),
  };
}

function pathOf({ parent, name }: DescMethodUnary): string {
  return `/${parent.typeName}/${name}`;
}

/** A proxy that checks its edges' health sends callers to one that can decide. */
async function health(message: Uint8Array, isServing: () => boolean): Promise<Uint8Array> {
  const { service } = fromBinary(HealthCheckRequestSchema, message, READING);
  if (service !== "" && service !== Authorization.typeName)
    throw new GrpcFailure(NOT_FOUND, "This service is not known.");
  const status = isServing() ? Status.SERVING : Status.NOT_SERVING;
  return Promise.resolve(toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status })));
}
