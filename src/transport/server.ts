/**
 * The main port: form endpoints, documents and RPCs, over HTTP/1.1 and HTTP/2. It owns everything between a socket and
 * the core: limits, connections, admission and both transports. It must not know a grant, a client or a store.
 */
import type { Config } from "../config/config.js";
import type { ListenAddress } from "../config/reading/listen-address.js";
import { pooledRandomId } from "../crypto/random-id.js";
import type { Clock } from "../time/clock.js";
import type { TransportEvents } from "../telemetry/events.js";
import type { Logger } from "../telemetry/logger.js";
import { createCallerFactory } from "./caller.js";
import { Departures, planRetirement } from "./connection-age.js";
import type { Exchange } from "./exchange.js";
import { Http1Side } from "./http1-side.js";
import { Http2Side } from "./http2-side.js";
import { createAddressResolver } from "./peer-address.js";
import { createDispatcher } from "./dispatcher.js";
import { abandon, type FaultListener } from "./guard.js";
import { MAX_BYTES_UNDER_WAY } from "./limits.js";
import { Admission } from "./admission.js";
import { Batch } from "./batch.js";
import { Pace } from "./pace.js";
import { UnderWay, type Collector } from "./under-way.js";
import { PortLifetime, type DrainTimes } from "./port-lifetime.js";
import { createRest, malformedAnswer, type MalformedStatus, type RestOptions } from "./rest/rest.js";
import type { RestServer } from "./rest/rest-server.js";
import { createRpc, type RpcOptions } from "./rpc/rpc.js";
import type { RpcServer } from "./rpc/rpc-server.js";

/** The time that a peer has. Milliseconds. */
export interface ServerTimeouts {
  /** For a new connection to show what it speaks, and for a TLS handshake. */
  readonly sniffMs: number;
  readonly headersMs: number;
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** For a connection that retires to send one more request. Its answer closes the connection. */
  readonly lingerMs: number;
}

const TIMEOUTS: ServerTimeouts = {
  sniffMs: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 65_000,
  lingerMs: 1000,
};

type Core = Pick<RestOptions, "tokenEndpoint" | "revocationEndpoint" | "introspectionEndpoint" | "keyRing"> &
  Pick<RpcOptions, "operators" | "operatorView" | "keyOperations" | "feed">;

export interface ServerOptions extends Core {
  readonly events: TransportEvents;
  readonly listen: ListenAddress;
  readonly issuer: string;
  readonly http: Config["http"];
  readonly limits: Pick<Config["limits"], "maxConnections" | "connectionsPerAddress" | "maxInFlight">;
  /** Algorithms that client assertions may be signed with, for the metadata. */
  readonly assertionAlgorithms: readonly string[];
  /** Scopes that anyone may know, for the metadata. */
  readonly scopesSupported: () => readonly string[];
  /** Whether keys and revocations are loaded. Otherwise, and while the server drains, gRPC health says NOT_SERVING. */
  readonly ready: () => boolean;
  readonly collector: Collector;
  /** Whether the process runs late. New work is then refused. */
  readonly overloaded: () => boolean;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timeouts?: Partial<ServerTimeouts>;
}

export type { DrainTimes };

export interface ConnectionCounts {
  readonly total: number;
  readonly http1: number;
  readonly http2: number;
  /** Requests inside the core. */
  readonly inFlight: number;
  /** Requests that overload refused, since the start. */
  readonly turnedAway: number;
}

export interface Server {
  /** Rejects if the address cannot be bound or the certificate cannot be read. */
  listen(): Promise<ListenAddress>;
  /** Whether requests should come here. False from the first moment of draining. */
  accepting(): boolean;
  /** Loses no request. Resolves when the last connection has ended or was cut. */
  drain(times: DrainTimes): Promise<void>;
  /** Cuts all connections at once. */
  close(): Promise<void>;
  connections(): ConnectionCounts;
}

/** `listen` starts the server. */
export function createServer(options: ServerOptions): Server {
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const { clock, issuer, events, overloaded, http, limits, listen, logger } = options;
  const shutdown = new AbortController();
  const admission = new Admission({ maxInFlight: limits.maxInFlight, overloaded, events });
  const onFault: FaultListener = (place, error, requestId) => events.unexpectedError(place, error, requestId);
  const { collector } = options;
  const underWay = new UnderWay({ maxBytes: MAX_BYTES_UNDER_WAY, halfMs: timeouts.requestMs, collector });
  const failed = (exchange: Exchange, error: unknown) => abandon(exchange, "batch", error, onFault);
  const pace = new Pace(failed);
  const departures = new Departures();
  let accepting = true;

  const { onRequest, onStream } = createDispatcher({
    underWay,
    pace,
    onFault,
    ...createTransports(options, {
      admission,
      callerOf: createCallerFactory(pooledRandomId(), createAddressResolver(http.trustedProxies)),
      underWay,
      batch: new Batch<Exchange>(failed),
      pace,
      departures,
      shutdown: shutdown.signal,
      serving: () => accepting && options.ready(),
    }),
  });
  const retireAt = planRetirement(http.maxConnectionAgeMs, clock, Math.random);
  const answerMalformed = (status: MalformedStatus) => malformedAnswer(status, issuer);
  const ages = { retireAt, graceMs: timeouts.requestMs, departures, onFault, clock };
  const http1 = new Http1Side({ ...ages, onRequest, malformedAnswer: answerMalformed, timeouts });
  const http2 = new Http2Side({ ...ages, onStream, lingerMs: timeouts.lingerMs });
  const onClosing = () => shutdown.abort();
  const lifetime = new PortLifetime({ http1, http2, listen, http, limits, timeouts, onClosing, onFault, logger });

  async function drain(times: DrainTimes): Promise<void> {
    accepting = false;
    await lifetime.drain(times);
    underWay[Symbol.dispose]();
  }

  return {
    listen: () => lifetime.listen(),
    accepting: () => accepting,
    drain,
    close: () => drain({ delayMs: 0, graceMs: 0 }),
    connections: () => ({
      ...lifetime.connections(),
      inFlight: admission.inFlight(),
      turnedAway: admission.turnedAway() + underWay.gaveWay,
    }),
  };
}

type TransportParts = Pick<RestOptions, "admission" | "callerOf" | "underWay" | "batch"> &
  Pick<RpcOptions, "departures" | "shutdown" | "serving" | "pace">;

function createTransports(
  options: ServerOptions,
  { admission, callerOf, underWay, batch, pace, departures, shutdown, serving }: TransportParts,
): { readonly rest: RestServer; readonly rpc: RpcServer } {
  const { tokenEndpoint, revocationEndpoint, introspectionEndpoint, keyRing, http } = options;
  const endpoints = { tokenEndpoint, revocationEndpoint, introspectionEndpoint, keyRing };
  const entry = { admission, callerOf, underWay, batch };
  const rest = createRest({
    ...entry,
    ...endpoints,
    issuer: options.issuer,
    tokenPaths: http.tokenPaths,
    assertionAlgorithms: options.assertionAlgorithms,
    scopesSupported: options.scopesSupported,
  });
  const rpc = createRpc({
    ...entry,
    ...endpoints,
    pace,
    operators: options.operators,
    operatorView: options.operatorView,
    keyOperations: options.keyOperations,
    feed: options.feed,
    serving,
    departures,
    shutdown,
    corsOrigins: http.corsOrigins,
    reflection: http.reflection,
    maxStreamAgeMs: http.maxConnectionAgeMs,
    logger: options.logger,
  });
  return { rest, rpc };
}
