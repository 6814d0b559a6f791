/** The metrics whose numbers live elsewhere and are read at a scrape. */
import type { Registry } from "prom-client";
import type { Clock } from "../time/clock.js";
import { collected } from "./collected-metric.js";
import { earliestExpiries, type SecretHolder } from "./secret-expiry.js";

/** The numbers at their sources. An absent source is not exposed, such as Redis in memory mode. */
export interface MetricSources {
  readonly redisUp?: () => boolean;
  /** What keeps Redis from its work, or `ok`; and every value that this can have. */
  readonly redisState?: () => { readonly present: string; readonly all: readonly string[] };
  /** The share of its memory limit; undefined without a limit. */
  readonly redisMemoryUsed?: () => number | undefined;
  readonly redisCommandFailures?: () => number;
  readonly tamperedRevocations?: () => number;
  /** Positive: this replica's clock is ahead. Undefined before Redis first answered. */
  readonly clockOffsetMs?: () => number | undefined;
  /** Infinity before the first full load. */
  readonly revocationViewAgeMs?: () => number;
  readonly revocationsInForce?: () => number;
  /** How long the present signing key has been signing; undefined if there is none. */
  readonly signingKeyAgeMs?: () => number | undefined;
  readonly keysPublished?: () => number;
  /** All clients: those whose last secret expires soonest are shown. */
  readonly clients?: () => Iterable<SecretHolder>;
  /** Whether the settings have a client of this id. */
  readonly isClient?: (id: string) => boolean;
  /** Whether changed settings were refused and the ones before rule. */
  readonly settingsRefused?: () => boolean;
  readonly eventLoopLagMs?: () => number;
  readonly connections?: () => number;
  readonly inFlightRequests?: () => number;
  readonly overloadRejections?: () => number;
  readonly watchers?: () => number;
  readonly droppedLogLines?: () => number;
}

/** One metric: how it is named, and how its number is read from the sources. Undefined: it has none now. */
interface SourceMetric {
  readonly type: "gauge" | "counter";
  readonly name: string;
  readonly help: string;
  readonly source: keyof MetricSources;
  readonly read: (sources: MetricSources) => number | undefined;
}

const METRICS: readonly SourceMetric[] = [
  {
    type: "gauge",
    name: "icemint_redis_up",
    help: "1 if Redis answers, 0 if it does not.",
    source: "redisUp",
    read: ({ redisUp }) => Number(redisUp?.()),
  },
  {
    type: "gauge",
    name: "icemint_redis_memory_used_ratio",
    help: "The share of maxmemory that the fullest Redis server uses; absent without a limit.",
    source: "redisMemoryUsed",
    read: ({ redisMemoryUsed }) => redisMemoryUsed?.(),
  },
  {
    type: "counter",
    name: "icemint_redis_command_failures_total",
    help: "Redis commands that failed or timed out.",
    source: "redisCommandFailures",
    read: ({ redisCommandFailures }) => redisCommandFailures?.(),
  },
  {
    type: "gauge",
    name: "icemint_clock_offset_seconds",
    help: "Seconds by which this replica's clock is ahead of Redis's; negative if it is behind.",
    source: "clockOffsetMs",
    read: ({ clockOffsetMs }) => seconds(clockOffsetMs?.()),
  },
  {
    type: "gauge",
    name: "icemint_revocation_view_age_seconds",
    help: "Seconds since this replica knew all revocations; +Inf before the first full load.",
    source: "revocationViewAgeMs",
    read: ({ revocationViewAgeMs }) => seconds(revocationViewAgeMs?.()),
  },
  {
    type: "gauge",
    name: "icemint_revocations_in_force",
    help: "Revocations that this replica holds.",
    source: "revocationsInForce",
    read: ({ revocationsInForce }) => revocationsInForce?.(),
  },
  {
    type: "gauge",
    name: "icemint_signing_key_age_seconds",
    help: "Seconds since the present signing key began to sign.",
    source: "signingKeyAgeMs",
    read: ({ signingKeyAgeMs }) => seconds(signingKeyAgeMs?.()),
  },
  {
    type: "gauge",
    name: "icemint_keys_published",
    help: "Keys in the JWKS.",
    source: "keysPublished",
    read: ({ keysPublished }) => keysPublished?.(),
  },
  {
    type: "gauge",
    name: "icemint_config_refused",
    help: "1 while changed settings are refused and the ones before rule.",
    source: "settingsRefused",
    read: ({ settingsRefused }) => Number(settingsRefused?.()),
  },
  {
    type: "gauge",
    name: "icemint_event_loop_lag_seconds",
    help: "How late the event loop runs.",
    source: "eventLoopLagMs",
    read: ({ eventLoopLagMs }) => seconds(eventLoopLagMs?.()),
  },
  {
    type: "gauge",
    name: "icemint_connections",
    help: "Open connections of the token port.",
    source: "connections",
    read: ({ connections }) => connections?.(),
  },
  {
    type: "gauge",
    name: "icemint_in_flight_requests",
    help: "Requests being answered.",
    source: "inFlightRequests",
    read: ({ inFlightRequests }) => inFlightRequests?.(),
  },
  {
    type: "counter",
    name: "icemint_overload_rejections_total",
    help: "Requests turned away because of overload.",
    source: "overloadRejections",
    read: ({ overloadRejections }) => overloadRejections?.(),
  },
  {
    type: "gauge",
    name: "icemint_watchers",
    help: "Verifiers that follow the stream of revocations.",
    source: "watchers",
    read: ({ watchers }) => watchers?.(),
  },
  {
    type: "counter",
    name: "icemint_log_lines_dropped_total",
    help: "Log and audit lines dropped because stderr was not read fast enough.",
    source: "droppedLogLines",
    read: ({ droppedLogLines }) => droppedLogLines?.(),
  },
];

/** How many clients are shown with the end of their secrets: a label for each client must stay bounded. */
const CLIENTS_SHOWN = 100;

/** Adds every metric that has a source. */
export function registerSources(registry: Registry, sources: MetricSources, clock: Clock): void {
  for (const { type, name, help, source, read } of METRICS) {
    if (sources[source] === undefined) continue;
    const samples = () => {
      const value = read(sources);
      return value === undefined ? [] : [{ value }];
    };
    registry.registerMetric(collected({ name, help, type, read: samples }));
  }
  registerRedisState(registry, sources);
  registerSecretExpiries(registry, sources, clock);
}

/** One series for each state, of which one is 1: alerts may ask for any of them. */
function registerRedisState(registry: Registry, { redisState }: MetricSources): void {
  if (redisState === undefined) return;
  registry.registerMetric(
    collected({
      name: "icemint_redis_state",
      help: "1 for what keeps Redis from its work, or for ok; 0 for the other states.",
      type: "gauge",
      read: () => {
        const { present, all } = redisState();
        return all.map((state) => ({ value: Number(state === present), labels: { state } }));
      },
    }),
  );
}

function registerSecretExpiries(registry: Registry, { clients }: MetricSources, clock: Clock): void {
  if (clients === undefined) return;
  registry.registerMetric(
    collected({
      name: "icemint_client_secret_expiry_seconds",
      help: `Seconds until the last secret of a client expires; the ${CLIENTS_SHOWN} soonest.`,
      type: "gauge",
      read: () =>
        earliestExpiries(clients(), CLIENTS_SHOWN).map(({ client, expiresAt }) => ({
          value: (expiresAt - clock()) / 1000,
          labels: { client },
        })),
    }),
  );
}

/** Prometheus counts in seconds. */
function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
