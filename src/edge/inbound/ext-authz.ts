/** The gRPC server that Envoy asks: `Authorization` and `grpc.health.v1.Health`. */
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { Authorization } from "../../gen/envoy/service/auth/v3/external_auth_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.js";
import { SECOND } from "../../time/clock.js";
import { type CheckOptions, createCheck } from "./check.js";

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
const LONGEST_CALL_MS = 10 * SECOND;

/** The server does not listen yet. */
export function createExtAuthz(options: ExtAuthzOptions): ExtAuthz {
  const handle = connectNodeAdapter({
    routes: ({ service }) => {
      service(Authorization, createCheck(options));
      service(Health, createHealth(options.isServing));
    },
    connect: false,
    grpcWeb: false,
    acceptCompression: [],
    readMaxBytes: MAX_MESSAGE_BYTES,
    maxTimeoutMs: LONGEST_CALL_MS,
    binaryOptions: { readUnknownFields: false },
  });
  const server = createServer({ settings: { maxConcurrentStreams: MAX_STREAMS } }, handle);
  server.maxConnections = MAX_CONNECTIONS;
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

/** A proxy that checks its edges' health sends callers to one that can decide. */
function createHealth(isServing: () => boolean): Pick<ServiceImpl<typeof Health>, "check"> {
  return {
    check({ service }) {
      if (service !== "" && service !== Authorization.typeName) {
        throw new ConnectError("This service is not known.", Code.NotFound);
      }
      return { status: isServing() ? Status.SERVING : Status.NOT_SERVING };
    },
  };
}
