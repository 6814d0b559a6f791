/**
 * The metrics of the admin port. Names, labels and meanings are an interface: alert rules and dashboards use them, and
 * docs/telemetry.md lists them. Numbers are read where they live, at a scrape.
 */
import { Registry } from "prom-client";
import type { Clock } from "../time/clock.js";
import type { Transport } from "../oauth/request.js";
import { createClientCounts } from "./client-counts.js";
import { collected, type Sample } from "./collected-metric.js";
import { registerSources, type MetricSources } from "./metric-sources.js";
import { registerProcessMetrics } from "./process-metrics.js";
import { createWorkloadMetrics } from "./workload-metrics.js";
import { BUCKETS, createRequestMetrics, type Asked, type Outcome, type RequestMetrics } from "./request-metrics.js";

export interface MetricsOptions {
  readonly version: string;
  readonly clock: Clock;
  readonly sources: MetricSources;
  /** Faults that were caught, by place. */
  readonly faults: () => Iterable<readonly [place: string, count: number]>;
}

export interface Metrics {
  readonly contentType: string;
  /** The exposition format 0.0.4 of Prometheus. */
  exposition(): Promise<string>;
  requestDone(grant: Asked, transport: Transport, outcome: Outcome, durationMs?: number): void;
  /** A request of a client that a workload rule derived. The rule is the label, never the client. */
  workloadRequestDone(rule: string, outcome: Outcome): void;
  /** A refusal of what says it is a client. `reason` is one of a few. */
  clientRefused(clientId: string | undefined, reason: string): void;
  secretUsed(clientId: string, secretName: string): void;
  refreshReused(): void;
  storeRegressed(what: string): void;
  familyTampered(): void;
  configReloadFailed(): void;
}

export function createMetrics({ version, clock, sources, faults }: MetricsOptions): Metrics {
  const registry = new Registry();
  const requests = createRequestMetrics();
  // A series that begins at 1 shows no increase. The known series therefore begin at 0.
  const regressions = new Map([
    ["refresh_family", 0],
    ["revocation_log", 0],
  ]);
  const workloads = createWorkloadMetrics();
  const isClient = (id: string) => sources.isClient?.(id) ?? false;
  const refusals = createClientCounts("reason", isClient);
  const secretUses = createClientCounts("secret", isClient);
  let tamperedFamilies = 0;
  let reuses = 0;
  let reloadFailures = 0;

  registerRequests(registry, requests);
  registerSources(registry, sources, clock);
  registry.registerMetric(
    collected({
      name: "icemint_workload_requests_total",
      help: "Token requests of workloads, by the rule that derives their client, and outcome.",
      type: "counter",
      read: () => workloads.samples(),
    }),
  );
  registry.registerMetric(
    collected({
      name: "icemint_client_refusals_total",
      help: "Refusals by client and reason; client (other) is none of the settings.",
      type: "counter",
      read: () => refusals.samples(),
    }),
  );
  registry.registerMetric(
    collected({
      name: "icemint_client_secret_uses_total",
      help: "Requests that a secret of a client authenticated, by the secret's name.",
      type: "counter",
      read: () => secretUses.samples(),
    }),
  );
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
  counter("icemint_store_tampered_total", "Records in Redis that were not written by icemint as they are.", () => [
    { value: tamperedFamilies, labels: { what: "refresh_family" } },
    { value: sources.tamperedRevocations?.() ?? 0, labels: { what: "revocation" } },
  ]);
  counter(
    "icemint_config_reload_failures_total",
    "Changed settings that were refused; the last good ones rule.",
    () => [{ value: reloadFailures }],
  );
  counter("icemint_unexpected_errors_total", "Faults of icemint itself that were caught; the server went on.", () =>
    Array.from(faults(), ([place, value]) => ({ value, labels: { place } })),
  );
  registerProcessMetrics(registry);

  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    exposition: () => registry.metrics(),
    requestDone: (grant, transport, outcome, durationMs) => requests.add(grant, transport, outcome, durationMs),
    workloadRequestDone: (rule, outcome) => workloads.add(rule, outcome),
    clientRefused: (clientId, reason) => refusals.add(clientId, reason),
    secretUsed: (clientId, secretName) => secretUses.add(clientId, secretName),
    refreshReused: () => {
      reuses++;
    },
    storeRegressed: (what) => {
      regressions.set(what, (regressions.get(what) ?? 0) + 1);
    },
    familyTampered: () => {
      tamperedFamilies++;
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
