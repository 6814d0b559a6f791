/** One span for each request, by OpenTelemetry's conventions for HTTP and RPC servers. No token, secret or subject. */
import type { Clock } from "../time/clock.js";
import type { OAuthError, OAuthErrorCode } from "../oauth/error.js";
import { INTROSPECTION_PATH, REVOCATION_PATH, TOKEN_PATH } from "../oauth/paths.js";
import type { Caller } from "../oauth/request.js";
import type { SpanExporter, SpanAttributes } from "./span-exporter.js";

/** Which endpoint was asked. */
const ENDPOINTS = [
  "token",
  "revoke",
  "introspect",
  "keys",
  "list_keys",
  "rotate_keys",
  "revoke_key",
  "watch_revocations",
  "list_clients",
  "list_revocations",
  "view_status",
] as const;
export type EndpointName = (typeof ENDPOINTS)[number];

export interface RequestSpans {
  record(
    caller: Caller,
    endpoint: EndpointName,
    error: OAuthError | undefined,
    durationMs: number,
    grant?: string,
  ): void;
}

export interface RequestSpansOptions {
  readonly exporter: SpanExporter;
  readonly clock: Clock;
  /** That many random bytes in lower-case hex. */
  readonly randomHex: (bytes: number) => string;
  readonly scheme: "http" | "https";
  /** The transports' own tables. */
  readonly httpStatusOf: (code: OAuthErrorCode) => number;
  /** Such as `INVALID_ARGUMENT`. */
  readonly rpcStatusOf: (code: OAuthErrorCode) => string;
}

/** Where each endpoint is served; `http` is absent where no form is. */
const ROUTES: Readonly<Record<EndpointName, { readonly http?: string; readonly rpc: string }>> = {
  token: { http: TOKEN_PATH, rpc: "icemint.v1.TokenService/GetToken" },
  revoke: { http: REVOCATION_PATH, rpc: "icemint.v1.TokenService/RevokeToken" },
  introspect: { http: INTROSPECTION_PATH, rpc: "icemint.v1.TokenService/IntrospectToken" },
  keys: { rpc: "icemint.v1.TokenService/GetKeys" },
  watch_revocations: { rpc: "icemint.v1.TokenService/WatchRevocations" },
  list_keys: { rpc: "icemint.v1.KeyService/ListKeys" },
  rotate_keys: { rpc: "icemint.v1.KeyService/RotateKeys" },
  revoke_key: { rpc: "icemint.v1.KeyService/RevokeKey" },
  list_clients: { rpc: "icemint.v1.OperatorService/ListClients" },
  list_revocations: { rpc: "icemint.v1.OperatorService/ListRevocations" },
  view_status: { http: "/", rpc: "status page" },
};

const BY_RPC: ReadonlyMap<string, EndpointName> = new Map(
  ENDPOINTS.map((endpoint) => [`/${ROUTES[endpoint].rpc}`, endpoint]),
);

/** The endpoint that is called at this path; undefined for a method that the audit has nothing of. */
export function endpointOfRpc(path: string): EndpointName | undefined {
  return BY_RPC.get(path);
}

/**
 * Makes spans. A caller's decision not to record its trace is kept (parent-based sampling); a request without a trace
 * begins one.
 */
export function createRequestSpans(options: RequestSpansOptions): RequestSpans {
  const { exporter, clock, randomHex } = options;
  return {
    record(caller, endpoint, error, durationMs, grant) {
      if (caller.traceSampled === false || !exporter.hasRoom()) return;
      const { http, rpc } = ROUTES[endpoint];
      const path = caller.transport === "form" ? http : undefined;
      const endedAt = clock();
      exporter.add({
        traceId: caller.traceId ?? randomHex(16),
        spanId: randomHex(8),
        parentSpanId: caller.parentSpanId,
        name: path === undefined ? rpc : `POST ${path}`,
        startedAt: endedAt - durationMs,
        endedAt,
        failed: error?.code === "server_error" || error?.code === "temporarily_unavailable",
        attributes: {
          ...(path === undefined ? rpcAttributes(options, caller, rpc, error) : httpAttributes(options, path, error)),
          ...(error && { "error.type": error.code, "icemint.reason": error.reason }),
          ...(grant !== undefined && { "icemint.grant": grant }),
          "icemint.request_id": caller.requestId,
        },
      });
    },
  };
}

function httpAttributes(options: RequestSpansOptions, route: string, error: OAuthError | undefined): SpanAttributes {
  return {
    "http.request.method": "POST",
    "http.route": route,
    "url.path": route,
    "url.scheme": options.scheme,
    "http.response.status_code": error ? options.httpStatusOf(error.code) : 200,
  };
}

function rpcAttributes(
  options: RequestSpansOptions,
  { transport }: Caller,
  method: string,
  error: OAuthError | undefined,
): SpanAttributes {
  return {
    "rpc.system.name": transport === "connect" ? "connectrpc" : "grpc",
    "rpc.method": method,
    "rpc.response.status_code": error ? options.rpcStatusOf(error.code) : "OK",
  };
}
