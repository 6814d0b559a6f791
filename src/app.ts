/** The composition root: settings in, a running server out. Everything else takes what it needs by argument. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { revocationsOfChange } from "./app/client-changes.js";
import { createCore } from "./app/core.js";
import { announcingKeys } from "./app/key-operations.js";
import { openKeys } from "./app/key-ring.js";
import { readinessParts } from "./app/readiness.js";
import { openStorage } from "./app/storage.js";
import { Teardown } from "./app/teardown.js";
import { clientSet } from "./clients/client-registry.js";
import type { Config, ListenAddress, ReloadableConfig } from "./config/config.js";
import { createFailureLimiter } from "./limits/limiter.js";
import { type Clock, SECOND } from "./oauth/clock.js";
import { pooledRandomId } from "./oauth/random-id.js";
import { watchEventLoop } from "./telemetry/event-loop-lag.js";
import { createEvents } from "./telemetry/events.js";
import type { LogSink } from "./telemetry/log-sink.js";
import type { Logger } from "./telemetry/logger.js";
import { createMetrics } from "./telemetry/metrics.js";
import { createRequestSpans } from "./telemetry/request-spans.js";
import { createSpanExporter } from "./telemetry/span-exporter.js";
import { createEventualRevocation } from "./tokens/eventual-revocation.js";
import { createJsonFetcher } from "./tokens/fetch-json.js";
import { ASYMMETRIC_ALGORITHMS } from "./tokens/jwks.js";
import { createIssuerKeys } from "./tokens/issuer-keys.js";
import { RevocationFeed } from "./tokens/revocation-feed.js";
import { RevocationTable } from "./tokens/revocation-table.js";
import { createAdminServer } from "./transport/admin.js";
import { STATUS } from "./transport/rest/errors.js";
import { rpcStatusName } from "./transport/rpc/errors.js";
import { type DrainTimes, createServer } from "./transport/server.js";

const readText = (path: string): Promise<string> => readFile(path, "utf8");

/** What the server is given. */
export interface AppOptions {
  readonly config: Config;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sink: LogSink;
}

/** A running server. */
export interface App {
  readonly address: ListenAddress;
  readonly adminAddress: ListenAddress;
  /** What puts the state at risk, for a person. */
  readonly storageWarnings: readonly string[];
  /** Takes over what may change while running; sessions of clients that are gone end. */
  reload(config: ReloadableConfig): void;
  reloadFailed(): void;
  /** Goes down without losing a request. */
  drain(times: DrainTimes): Promise<void>;
  /** Goes down at once. */
  close(): Promise<void>;
}

/**
 * Starts the server. Rejects with an Error whose message is one line for a person if it cannot: an address that is
 * taken, keys that cannot be opened, a certificate that cannot be read.
 */
export async function startApp(options: AppOptions): Promise<App> {
  const teardown = new Teardown();
  try {
    return await start(options, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function start(options: AppOptions, teardown: Teardown): Promise<App> {
  const { config, version, clock, logger, sink } = options;
  const stopping = new AbortController();
  const delay = (ms: number): Promise<void> =>
    sleep(ms, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
  const sessionTtlSeconds = config.tokens.sessionTtlMs / SECOND;

  const storage = teardown.use(await openStorage({ config, clock, logger }), (opened) => opened.close());
  const keys = teardown.use(await openKeys({ config, storage, clock, logger }), (opened) => opened.close());
  const registry = { current: clientSet(config.clients) };
  let trustedIssuers = config.trustedIssuers;

  const table = new RevocationTable({ clock });
  const feed = new RevocationFeed({ table });
  const following = storage.revocations.follow(feed, stopping.signal);
  teardown.defer(() => following);
  // Here and not at the end, so that a start that fails below does not wait for a follower that nobody stops.
  teardown.defer(() => stopping.abort());
  const revokeEventually = createEventualRevocation({
    log: storage.revocations,
    delay,
    signal: stopping.signal,
    onFailure: (error) => logger.warn("a revocation is not stored yet", { err: error }),
  });

  const loop = teardown.use(watchEventLoop(), (watch) => watch[Symbol.dispose]());
  const metrics = createMetrics({
    version,
    clock,
    sources: {
      ...(config.redis && {
        redisUp: () => storage.health().state === "up",
        redisCommandFailures: () => storage.health().failedCalls,
      }),
      revocationViewAgeMs: () => table.ageMs(),
      revocationsInForce: () => table.size,
      signingKeyAgeMs: () => {
        const active = keys.ring.list().find(({ state }) => state === "active");
        return active?.activatesAt === undefined ? undefined : clock() - active.activatesAt;
      },
      keysPublished: () => keys.ring.published().keys.length,
      clients: () => registry.current.byId.values(),
      eventLoopLagMs: () => loop.lagMs(),
      connections: () => server.connections().total,
      inFlightRequests: () => server.connections().inFlight,
      overloadRejections: () => server.connections().turnedAway,
      watchers: () => feed.followers,
      droppedLogLines: () => sink.dropped(),
    },
  });
  const { otlpEndpoint: endpoint } = config.telemetry;
  const exporter =
    endpoint === undefined
      ? undefined
      : teardown.use(createSpanExporter({ endpoint, version, instance: hostname(), fetch, logger }), (opened) =>
          opened[Symbol.asyncDispose](),
        );
  const spans =
    exporter &&
    createRequestSpans({
      exporter,
      clock,
      randomHex: (bytes) => randomBytes(bytes).toString("hex"),
      scheme: config.http.tls === undefined ? "http" : "https",
      httpStatusOf: (code) => STATUS[code],
      rpcStatusOf: rpcStatusName,
    });
  const events = createEvents({ sink, logger, metrics, clock, spans });

  const limiter = createFailureLimiter({ policy: config.limits.failures, clock, failures: storage.failures });
  storage.failures.follow((key, count) => limiter.merge(key, count), stopping.signal);
  const core = createCore({
    config: { ...config, tokenPaths: ["/v1/oauth/tokens", ...config.http.tokenPaths] },
    registry,
    trustedIssuers: () => trustedIssuers,
    storage,
    revocationView: table,
    revokeEventually,
    keys: keys.ring,
    issuerKeys: createIssuerKeys({
      fetchJson: createJsonFetcher({ readFile: readText }),
      readFile: readText,
      clock,
      onFailure: ({ at }, error) =>
        logger.warn("keys of a trusted issuer could not be loaded", { source: at, err: error }),
    }),
    limiter,
    events,
    clock,
    randomId: pooledRandomId(),
    random: randomBytes,
  });

  const parts = () => readinessParts({ keys, storage, table, config, accepting: server.accepting() });
  const server = createServer({
    ...config,
    tokenEndpoint: core.tokens,
    revocationEndpoint: core.revocation,
    introspectionEndpoint: core.introspection,
    watchAuthorizer: core.watch,
    keyOperations: announcingKeys(keys.ring, storage.revocations, clock, sessionTtlSeconds),
    keyRing: keys.ring,
    feed,
    events,
    assertionAlgorithms: [...ASYMMETRIC_ALGORITHMS],
    scopesSupported: () => [...new Set([...registry.current.byId.values()].flatMap(({ scopes }) => scopes.default))],
    ready: () => parts().every(({ state }) => state !== "failing"),
    overloaded: () => loop.overloaded(),
    logger,
    clock,
  });
  teardown.defer(() => server.close());
  const admin = createAdminServer({
    listen: config.adminListen,
    parts,
    metrics: { contentType: metrics.contentType, read: () => metrics.exposition() },
  });
  const adminAddress = await admin.listen();
  teardown.defer(() => admin.close());
  const address = await server.listen();

  return {
    address,
    adminAddress,
    storageWarnings: storage.health().warnings,
    reload(next) {
      const before = registry.current;
      registry.current = clientSet(next.clients);
      ({ trustedIssuers } = next);
      for (const revocation of revocationsOfChange(before, registry.current, clock, sessionTtlSeconds)) {
        revokeEventually(revocation, "settings");
      }
    },
    reloadFailed: () => metrics.configReloadFailed(),
    async drain(times) {
      await server.drain(times);
      await teardown.run();
    },
    close: () => teardown.run(),
  };
}
