/** The server's main port: form endpoints, documents and RPCs, over HTTP/1.1 and HTTP/2, until it is drained. */
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
import { UnderWay } from "./under-way.js";
import { PortLifetime, type DrainTimes } from "./port-lifetime.js";
import { createRest, malformedAnswer, type MalformedStatus, type RestOptions } from "./rest/rest.js";
import { createRpc, type RpcOptions } from "./rpc/rpc.js";

/** How long peers may take. Milliseconds. */
export interface ServerTimeouts {
  /** For a new connection to show what it speaks, and for a TLS handshake. */
  readonly sniffMs: number;
  readonly headersMs: number;
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** For a connection that is to be closed to send one more request: its answer then tells. */
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
  Pick<RpcOptions, "watchAuthorizer" | "keyOperations" | "feed">;

/** What the server is made of. */
export interface ServerOptions extends Core {
  readonly events: TransportEvents;
  readonly listen: ListenAddress;
  readonly issuer: string;
  readonly http: Config["http"];
  readonly limits: Pick<Config["limits"], "maxConnections" | "connectionsPerAddress" | "maxInFlight">;
  /** Algorithms that client assertions may be signed with, for the metadata. */
  readonly assertionAlgorithms: readonly string[];
  /** Scope words worth telling everyone, for the metadata. */
  readonly scopesSupported: () => readonly string[];
  /** Whether keys and revocations are loaded. gRPC health says NOT_SERVING otherwise, and while the server drains. */
  readonly ready: () => boolean;
  /** Whether the process runs late: new work is then refused. */
  readonly overloaded: () => boolean;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timeouts?: Partial<ServerTimeouts>;
}

export type { DrainTimes };

/** How many of each there are now. */
export interface ConnectionCounts {
  readonly total: number;
  readonly http1: number;
  readonly http2: number;
  /** Requests inside the core. */
  readonly inFlight: number;
  /** Requests that overload turned away, since the start. */
  readonly turnedAway: number;
}

/** The server. */
export interface Server {
  /** Rejects if the address or the certificate cannot be had. */
  listen(): Promise<ListenAddress>;
  /** Whether requests should come here: false from the first moment of draining. */
  accepting(): boolean;
  /** Goes down without losing a request; resolves when the last connection has ended or was cut. */
  drain(times: DrainTimes): Promise<void>;
  /** Goes down at once. */
  close(): Promise<void>;
  connections(): ConnectionCounts;
}

/** Composes the server; `listen` starts it. */
export function createServer(options: ServerOptions): Server {
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const { clock, issuer } = options;
  const shutdown = new AbortController();
  const { events, overloaded } = options;
  const admission = new Admission({ maxInFlight: options.limits.maxInFlight, overloaded, events });
  const callerOf = createCallerFactory(pooledRandomId(), createAddressResolver(options.http.trustedProxies));
  const onFault: FaultListener = (place, error, requestId) => events.unexpectedError(place, error, requestId);
  const underWay = new UnderWay({ maxBytes: MAX_BYTES_UNDER_WAY, halfMs: timeouts.requestMs });
  const batch = new Batch<Exchange>((exchange, error) => abandon(exchange, "batch", error, onFault));
  const shared = { ...options, admission, callerOf, underWay, batch };
  const departures = new Departures();
  let accepting = true;

  const { onRequest, onStream } = createDispatcher({
    underWay,
    onFault,
    rest: createRest({ ...shared, tokenPaths: options.http.tokenPaths }),
    rpc: createRpc({
      ...shared,
      corsOrigins: options.http.corsOrigins,
      reflection: options.http.reflection,
      serving: () => accepting && options.ready(),
      shutdown: shutdown.signal,
      departures,
      maxStreamAgeMs: options.http.maxConnectionAgeMs,
    }),
  });
  const retireAt = planRetirement(options.http.maxConnectionAgeMs, clock, Math.random);
  const answerMalformed = (status: MalformedStatus) => malformedAnswer(status, issuer);
  const ages = { retireAt, graceMs: timeouts.requestMs, departures, onFault, clock };
  const http1 = new Http1Side({ ...ages, onRequest, malformedAnswer: answerMalformed, timeouts });
  const http2 = new Http2Side({ ...ages, onStream, lingerMs: timeouts.lingerMs });
  const lifetime = new PortLifetime({ ...options, http1, http2, timeouts, onFault, onClosing: () => shutdown.abort() });

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
