/**
 * The metrics of the admin port. Names, labels and meanings are an interface: alert rules and dashboards use them, and
 * docs/telemetry.md lists them. Numbers are read where they live, at a scrape.
 */
import { Registry } from "prom-client";
import type { Clock } from "../oauth/clock.js";
import type { Transport } from "../oauth/request.js";
import { collected, type Sample } from "./collected-metric.js";
import { registerProcessMetrics } from "./process-metrics.js";
import { BUCKETS, createRequestMetrics, type Asked, type Outcome, type RequestMetrics } from "./request-metrics.js";
import { earliestExpiries, type SecretHolder } from "./secret-expiry.js";

/** Where the numbers live. What is absent is not exposed, such as Redis in memory mode. */
export interface MetricSources {
  readonly redisUp?: () => boolean;
  readonly redisCommandFailures?: () => number;
  /** Infinity before the first full load. */
  readonly revocationViewAgeMs?: () => number;
  readonly revocationsInForce?: () => number;
  /** How long the present signing key has been signing; undefined if there is none. */
  readonly signingKeyAgeMs?: () => number | undefined;
  readonly keysPublished?: () => number;
  /** All clients: those whose last secret expires soonest are shown. */
  readonly clients?: () => Iterable<SecretHolder>;
  readonly eventLoopLagMs?: () => number;
  readonly connections?: () => number;
  readonly inFlightRequests?: () => number;
  readonly overloadRejections?: () => number;
  readonly watchers?: () => number;
  readonly droppedLogLines?: () => number;
}

/** What metrics are made of. */
export interface MetricsOptions {
  readonly version: string;
  readonly clock: Clock;
  readonly sources: MetricSources;
}

/** The metrics. */
export interface Metrics {
  readonly contentType: string;
  /** The text that Prometheus reads (exposition format 0.0.4). */
  exposition(): Promise<string>;
  requestDone(grant: Asked, transport: Transport, outcome: Outcome, durationMs?: number): void;
  refreshReused(): void;
  storeRegressed(what: string): void;
  configReloadFailed(): void;
}

/** Makes the metrics, in a registry of their own. */
export function createMetrics({ version, clock, sources }: MetricsOptions): Metrics {
  const registry = new Registry();
  const requests = createRequestMetrics();
  const regressions = new Map<string, number>();
  let reuses = 0;
  let reloadFailures = 0;

  registerRequests(registry, requests);
  registerSources(registry, sources, clock);
  const gauge = (name: string, help: string, read: () => Sample[]) =>
    registry.registerMetric(collected({ name, help, type: "gauge", read }));
  const counter = (name: string, help: string, read: () => Sample[]) =>
    registry.registerMetric(collected({ name, help, type: "counter", read }));
  gauge("icemint_build_info", "Always 1; its label tells the version.", () => [{ value: 1, labels: { version } }]);
  counter("icemint_refresh_reuse_total", "Refresh tokens used after their successor: sessions revoked for it.", () => [
    { value: reuses },
  ]);
  counter("icemint_store_regressions_total", "Times that Redis was found to have lost acknowledged writes.", () =>
    Array.from(regressions, ([what, value]) => ({ value, labels: { what } })),
  );
  counter(
    "icemint_config_reload_failures_total",
    "Changed settings that were refused; the last good ones rule.",
    () => [{ value: reloadFailures }],
  );
  registerProcessMetrics(registry);

  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    exposition: () => registry.metrics(),
    requestDone: (grant, transport, outcome, durationMs) => requests.add(grant, transport, outcome, durationMs),
    refreshReused: () => {
      reuses++;
    },
    storeRegressed: (what) => {
      regressions.set(what, (regressions.get(what) ?? 0) + 1);
    },
    configReloadFailed: () => {
      reloadFailures++;
    },
  };
}

/** Requests: a counter by outcome, and a histogram of durations. */
function registerRequests(registry: Registry, requests: RequestMetrics): void {
  registry.registerMetric(
    collected({
      name: "icemint_requests_total",
      help: "Requests that were answered, by grant (or revoke, introspect), transport and outcome (ok or the OAuth error).",
      type: "counter",
      read: () =>
        Array.from(requests.series()).flatMap(({ grant, transport, outcomes }) =>
          Object.entries(outcomes).map(([outcome, value]) => ({ value, labels: { grant, transport, outcome } })),
        ),
    }),
  );
  const name = "icemint_request_duration_seconds";
  registry.registerMetric(
    collected({
      name,
      help: "How long token requests took, from their last byte to the answer.",
      type: "histogram",
      read: () =>
        Array.from(requests.series()).flatMap(({ grant, transport, durations: { buckets, sumSeconds } }) => {
          let count = 0;
          const labels = { grant, transport };
          const samples: Sample[] = buckets.map((inBucket, at) => {
            count += inBucket;
            return {
              metricName: `${name}_bucket`,
              value: count,
              labels: { ...labels, le: String(BUCKETS[at] ?? "+Inf") },
            };
          });
          if (count === 0) return [];
          samples.push({ metricName: `${name}_sum`, value: sumSeconds, labels });
          samples.push({ metricName: `${name}_count`, value: count, labels });
          return samples;
        }),
    }),
  );
}

const SECRETS_SHOWN = 100;

/** Every number that lives elsewhere. */
function registerSources(registry: Registry, sources: MetricSources, clock: Clock): void {
  const add = (
    type: "gauge" | "counter",
    name: string,
    help: string,
    read: (() => number | undefined) | undefined,
  ): void => {
    if (read === undefined) return;
    const samples = () => {
      const value = read();
      return value === undefined ? [] : [{ value }];
    };
    registry.registerMetric(collected({ name, help, type, read: samples }));
  };
  const { redisUp, clients } = sources;
  add("gauge", "icemint_redis_up", "1 if Redis answers, 0 if it does not.", redisUp && (() => Number(redisUp())));
  add(
    "counter",
    "icemint_redis_command_failures_total",
    "Redis commands that failed or timed out.",
    sources.redisCommandFailures,
  );
  add(
    "gauge",
    "icemint_revocation_view_age_seconds",
    "Seconds since this replica knew all revocations; +Inf before the first full load.",
    seconds(sources.revocationViewAgeMs),
  );
  add("gauge", "icemint_revocations_in_force", "Revocations that this replica holds.", sources.revocationsInForce);
  add(
    "gauge",
    "icemint_signing_key_age_seconds",
    "Seconds since the present signing key began to sign.",
    seconds(sources.signingKeyAgeMs),
  );
  add("gauge", "icemint_keys_published", "Keys in the JWKS.", sources.keysPublished);
  add("gauge", "icemint_event_loop_lag_seconds", "How late the event loop runs.", seconds(sources.eventLoopLagMs));
  add("gauge", "icemint_connections", "Open connections of the token port.", sources.connections);
  add("gauge", "icemint_in_flight_requests", "Requests being answered.", sources.inFlightRequests);
  add(
    "counter",
    "icemint_overload_rejections_total",
    "Requests turned away because of overload.",
    sources.overloadRejections,
  );
  add("gauge", "icemint_watchers", "Verifiers that follow the stream of revocations.", sources.watchers);
  add(
    "counter",
    "icemint_log_lines_dropped_total",
    "Log and audit lines dropped because stderr was not read fast enough.",
    sources.droppedLogLines,
  );
  if (clients === undefined) return;
  registry.registerMetric(
    collected({
      name: "icemint_client_secret_expiry_seconds",
      help: `Seconds until the last secret of a client expires; the ${SECRETS_SHOWN} soonest.`,
      type: "gauge",
      read: () =>
        earliestExpiries(clients(), SECRETS_SHOWN).map(({ client, expiresAt }) => ({
          value: (expiresAt - clock()) / 1000,
          labels: { client },
        })),
    }),
  );
}

/** Prometheus counts in seconds. */
function seconds(readMs: (() => number | undefined) | undefined): (() => number | undefined) | undefined {
  if (readMs === undefined) return undefined;
  return () => {
    const ms = readMs();
    return ms === undefined ? undefined : ms / 1000;
  };
}
