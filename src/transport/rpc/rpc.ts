/**
 * RPC, composed: icemint's own services, health and reflection. It must not know a rule of a grant, and nothing of
 * REST.
 */
import { endpointOfRpc } from "../../telemetry/request-spans.js";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { ServerReflection as ReflectionV1 } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ReflectionV1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";
import { file_icemint_v1_error_reason } from "../../gen/icemint/v1/error_reason_pb.js";
import { KeyService } from "../../gen/icemint/v1/key_service_pb.js";
import { OperatorService } from "../../gen/icemint/v1/operator_service_pb.js";
import { TokenService } from "../../gen/icemint/v1/token_service_pb.js";
import { EndlessStreams, type EndlessOptions } from "./endless-streams.js";
import type { Exchange } from "../exchange.js";
import { refusalOfCall } from "./errors.js";
import { createHealth } from "./health.js";
import { createOperatorService, type OperatorServiceOptions } from "./operator-service.js";
import { createReflection } from "./reflection.js";
import { createRpcServer, type RpcCall, type RpcServer, type RpcServerOptions } from "./rpc-server.js";
import { serve, type ServiceList } from "./service-list.js";
import { createKeyService, createTokenService, type KeyServiceOptions, type TokenServiceOptions } from "./services.js";
import { createWatchRevocations, type WatchOptions } from "./watch.js";

export interface RpcOptions
  extends
    TokenServiceOptions,
    KeyServiceOptions,
    OperatorServiceOptions,
    EndlessOptions,
    Omit<WatchOptions, "maxAgeMs" | "streams">,
    Omit<RpcServerOptions, "services" | "admits" | "hasPlace" | "jsonOptions" | "describe" | "onRefused"> {
  /** Whether the replica may serve now. */
  readonly serving: () => boolean;
  readonly reflection: boolean;
  /** A stream of revocations ends after this. Milliseconds. */
  readonly maxStreamAgeMs: number;
}

const OWN_PATHS = "/icemint.";

export function createRpc(options: RpcOptions): RpcServer {
  const { serving, admission, operators, operatorView, keyOperations, departures, shutdown } = options;
  const { tokenEndpoint, revocationEndpoint, introspectionEndpoint, keyRing } = options;
  const { callerOf, corsOrigins, underWay, batch, pace, logger } = options;
  const streams = new EndlessStreams({ departures, shutdown });
  const watchRevocations = createWatchRevocations({
    feed: options.feed,
    operators,
    admission,
    streams,
    maxAgeMs: options.maxStreamAgeMs,
  });
  const tokenService = createTokenService({
    tokenEndpoint,
    revocationEndpoint,
    introspectionEndpoint,
    keyRing,
    admission,
  });
  const own = [TokenService, KeyService, OperatorService] as const;
  const described = [...own, Health, ReflectionV1, ReflectionV1Alpha];
  const services: ServiceList = [
    serve(TokenService, { ...tokenService, watchRevocations }),
    serve(KeyService, createKeyService({ operators, keyOperations, admission })),
    serve(OperatorService, createOperatorService({ operators, operatorView, admission })),
    serve(Health, createHealth({ services: own, serving, streams })),
    ...(options.reflection ? reflectionOf(described) : []),
  ];
  // Health and reflection answer in overload, too.
  const admits = (path: string) => !path.startsWith(OWN_PATHS) || admission.admits();
  // A follower of revocations has authenticated, and a proxy may bring many of them on one connection.
  const hasPlace = (path: string, exchange: Exchange) => path.startsWith(OWN_PATHS) || streams.enter(exchange);
  const onRefused = (path: string, { caller }: RpcCall, error: unknown) => {
    const endpoint = endpointOfRpc(path);
    if (endpoint !== undefined) admission.refuse(endpoint, caller, refusalOfCall(error));
  };
  return createRpcServer({
    services,
    admits,
    hasPlace,
    onRefused,
    callerOf,
    corsOrigins,
    underWay,
    pace,
    batch,
    logger,
  });
}

function reflectionOf(described: Parameters<typeof createReflection>[0]): ServiceList {
  const others = [file_google_rpc_error_details, file_icemint_v1_error_reason];
  const { v1, v1alpha } = createReflection(described, others);
  return [serve(ReflectionV1, v1), serve(ReflectionV1Alpha, v1alpha)];
}
