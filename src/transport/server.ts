/** The server's main port: form endpoints, documents and RPCs, over HTTP/1.1 and HTTP/2, until it is drained. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, Http2Session, ServerHttp2Stream } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config, ListenAddress } from "../config/config.js";
import { pooledRandomId } from "../oauth/random-id.js";
import type { Clock } from "../oauth/clock.js";
import type { Logger } from "../telemetry/logger.js";
import { createCallerFactory } from "./call.js";
import { planRetirement } from "./connection-age.js";
import { createGate } from "./gate.js";
import { Http1Side } from "./http1-side.js";
import { Http2Side } from "./http2-side.js";
import { OnePort } from "./one-port.js";
import { createAddressResolver } from "./peer-address.js";
import { createRest, malformedAnswer, type RestOptions } from "./rest/rest.js";
import { createRpc, type RpcOptions } from "./rpc/rpc.js";
import { parseTarget } from "./target.js";
import { readCertificate, watchCertificate } from "./tls-files.js";

/** How long peers may take. Milliseconds. */
export interface ServerTimeouts {
  /** For a new connection to show what it speaks, and for a TLS handshake. */
  readonly sniffMs: number;
  readonly headersMs: number;
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** For a kept connection to send one more request while the server drains. */
  readonly lingerMs: number;
}

const TIMEOUTS: ServerTimeouts = {
  sniffMs: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 65_000,
  lingerMs: 1000,
};

type Core = Pick<RestOptions, "tokenEndpoint" | "revocationEndpoint" | "introspectionEndpoint" | "events" | "keyRing"> &
  Pick<RpcOptions, "watchAuthorizer" | "keyOperations" | "feed">;

/** What the server is made of. */
export interface ServerOptions extends Core {
  readonly listen: ListenAddress;
  readonly issuer: string;
  readonly http: Config["http"];
  readonly limits: Pick<Config["limits"], "maxConnections" | "maxInFlight">;
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

/** How a server goes down. Milliseconds. */
export interface DrainTimes {
  /** To go on serving after readiness failed, for balancers to notice. */
  readonly delayMs: number;
  /** For requests in flight after that; then what is left is cut. */
  readonly graceMs: number;
}

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
  const { clock, logger, issuer } = options;
  const shutdown = new AbortController();
  const gate = createGate({ maxInFlight: options.limits.maxInFlight, overloaded: options.overloaded });
  const callerOf = createCallerFactory(pooledRandomId(), createAddressResolver(options.http.trustedProxies));
  let draining = false;

  const shared = { ...options, gate, callerOf, bodyTimeoutMs: timeouts.requestMs };
  const rest = createRest({ ...shared, tokenPaths: options.http.tokenPaths });
  const rpc = createRpc({
    ...shared,
    corsOrigins: options.http.corsOrigins,
    reflection: options.http.reflection,
    serving: () => !draining && options.ready(),
    shutdown: shutdown.signal,
    maxStreamAgeMs: options.http.maxConnectionAgeMs,
  });

  const peers = new WeakMap<Http2Session, string | undefined>();
  /** A session's socket is a proxy that is slow to ask. */
  function peerAddress({ session }: ServerHttp2Stream): string | undefined {
    if (session === undefined) return undefined;
    if (!peers.has(session)) peers.set(session, session.socket.remoteAddress);
    return peers.get(session);
  }

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    request.on("error", ignore);
    const target = parseTarget(request.url ?? "");
    if (rest.has(target.path) || !rpc.takeRequest(request, response, target.path)) {
      rest.serveHttp1(target, request, response);
    }
  }

  function onStream(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    rawHeaders: string[],
  ): void {
    stream.on("error", ignore); // a peer's reset: those who wait hear 'close'
    const target = parseTarget(headers[":path"] ?? "");
    const arrival = { headers, rawHeaders, peerAddress: peerAddress(stream) };
    const raw = { headers, flags, rawHeaders };
    if (rest.has(target.path) || !rpc.takeStream(stream, target.path, arrival, raw)) {
      rest.serveHttp2(target, stream, arrival);
    }
  }

  const retireAt = planRetirement(options.http.maxConnectionAgeMs, clock, Math.random);
  const http1 = new Http1Side({
    onRequest,
    malformedAnswer: (status) => malformedAnswer(status, issuer),
    timeouts,
    retireAt,
    clock,
  });
  const http2 = new Http2Side({ onStream, retireAt, clock });
  let port: OnePort | undefined;
  let certificateWatch: Disposable | undefined;
  let closed = Promise.resolve();

  function destroy(): void {
    http1.destroy();
    http2.destroy();
    port?.destroy();
  }

  /** Stops taking connections, and lets `endGently` or `destroy` empty those that there are. */
  async function stop(endGently: () => void, graceMs: number): Promise<void> {
    certificateWatch?.[Symbol.dispose]();
    closed = port?.close() ?? Promise.resolve();
    shutdown.abort();
    endGently();
    const cut = setTimeout(destroy, graceMs);
    await closed;
    clearTimeout(cut);
    destroy();
  }

  return {
    async listen() {
      const { tls } = options.http;
      const certificate = tls && (await readCertificate(tls));
      const { sniffMs: sniffTimeoutMs } = timeouts;
      const { maxConnections } = options.limits;
      const opened = new OnePort({ http1, http2, certificate, sniffTimeoutMs, maxConnections });
      const { address, port: number } = await opened.listen(options.listen.port, options.listen.host);
      port = opened;
      certificateWatch =
        tls && watchCertificate({ files: tls, logger, onChange: (pair) => opened.renewCertificate(pair) });
      return { host: address, port: number };
    },
    accepting: () => !draining,
    async drain({ delayMs, graceMs }) {
      draining = true;
      await sleep(delayMs);
      await stop(() => {
        http1.drain(Math.min(timeouts.lingerMs, graceMs));
        http2.drain();
      }, graceMs);
    },
    async close() {
      draining = true;
      await stop(destroy, 0);
    },
    connections: () => ({
      total: port?.connections() ?? 0,
      http1: http1.connections(),
      http2: http2.connections(),
      inFlight: gate.inFlight(),
      turnedAway: gate.turnedAway(),
    }),
  };
}

function ignore(): void {}
