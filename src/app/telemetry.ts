/** Joins the audit, the metrics and the traces to the parts of a running server whose numbers they read. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { ClientRegistry } from "../clients/client-registry.js";
import type { Config } from "../config/config.js";
import { type StorageHealth, TROUBLES } from "../storage/storage.js";
import type { Clock } from "../time/clock.js";
import type { ActivitySink, Events } from "../oauth/events.js";
import type { EventLoopLag } from "../telemetry/event-loop-lag.js";
import { type SettingsEvents, type TransportEvents, createEvents } from "../telemetry/events.js";
import type { LogSink } from "../telemetry/log-sink.js";
import type { Logger } from "../telemetry/logger.js";
import { type Metrics, createMetrics } from "../telemetry/metrics.js";
import { type RequestSpans, createRequestSpans } from "../telemetry/request-spans.js";
import { createSpanExporter } from "../telemetry/span-exporter.js";
import { STATUS } from "../transport/rest/errors.js";
import { rpcStatusName } from "../transport/rpc/errors.js";
import type { ConnectionCounts } from "../transport/server.js";
import type { LiveSettings } from "./live-settings.js";
import type { SharedState } from "./shared-state.js";
import type { Teardown } from "./teardown.js";

export interface TelemetrySources {
  readonly config: Pick<Config, "redis" | "telemetry" | "http">;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sink: LogSink;
  readonly state: SharedState;
  readonly registry: ClientRegistry & Pick<LiveSettings, "refusedFor">;
  readonly loop: Pick<EventLoopLag, "lagMs">;
  readonly connections: () => ConnectionCounts;
  readonly activity: ActivitySink;
}

/** Adds each closing to the teardown. */
export function openTelemetry(
  sources: TelemetrySources,
  teardown: Teardown,
): { readonly events: Events & TransportEvents & SettingsEvents; readonly metrics: Metrics } {
  const { clock, logger, sink, activity } = sources;
  const metrics = metricsOf(sources);
  const events = createEvents({ sink, logger, metrics, clock, spans: spansOf(sources, teardown), activity });
  return { events, metrics };
}

function metricsOf({
  config,
  version,
  clock,
  logger,
  sink,
  state,
  registry,
  loop,
  connections,
}: TelemetrySources): Metrics {
  const { storage, keys, table, feed } = state;
  return createMetrics({
    version,
    clock,
    faults: () => logger.faults,
    sources: {
      ...(config.redis && {
        redisUp: () => storage.health().state === "up",
        redisState: () => redisState(storage.health()),
        redisMemoryUsed: () => storage.health().memoryUsed,
        tamperedRevocations: () => storage.health().tamperedRevocations,
        redisCommandFailures: () => storage.health().failedCalls,
        clockOffsetMs: () => storage.clockOffsetMs(),
      }),
      revocationViewAgeMs: () => table.ageMs(),
      revocationsInForce: () => table.size,
      signingKeyAgeMs: () => {
        const active = keys.ring.list().find((key) => key.state === "active");
        return active?.activatesAt === undefined ? undefined : clock() - active.activatesAt;
      },
      keysPublished: () => keys.ring.published().keys.length,
      clients: () => registry.current.byId.values(),
      isClient: (id) => registry.current.byId.has(id),
      settingsRefused: () => registry.refusedFor !== undefined,
      eventLoopLagMs: () => loop.lagMs(),
      connections: () => connections().total,
      inFlightRequests: () => connections().inFlight,
      overloadRejections: () => connections().turnedAway,
      watchers: () => feed.followers,
      droppedLogLines: () => sink.dropped(),
    },
  });
}

function redisState({ state, trouble }: StorageHealth): { readonly present: string; readonly all: readonly string[] } {
  return { present: trouble?.kind ?? (state === "up" ? "ok" : "away"), all: ["ok", ...TROUBLES] };
}

function spansOf({ config, version, clock, logger }: TelemetrySources, teardown: Teardown): RequestSpans | undefined {
  const { otlpEndpoint: endpoint } = config.telemetry;
  if (endpoint === undefined) return undefined;
  const exporter = teardown.use(
    createSpanExporter({ endpoint, version, instance: hostname(), fetch, logger }),
    (opened) => opened[Symbol.asyncDispose](),
  );
  return createRequestSpans({
    exporter,
    clock,
    randomHex: (bytes) => randomBytes(bytes).toString("hex"),
    scheme: config.http.tls === undefined ? "http" : "https",
    httpStatusOf: (code) => STATUS[code],
    rpcStatusOf: rpcStatusName,
  });
}
