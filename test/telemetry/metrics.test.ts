import { describe, expect, it } from "vitest";
import { createMetrics, type Metrics } from "../../src/telemetry/metrics.js";
import { silentLogger } from "../../src/telemetry/logger.js";
import type { MetricSources } from "../../src/telemetry/metric-sources.js";

const NOW = 1_000_000;
const ALL: Required<MetricSources> = {
  redisUp: () => true,
  redisState: () => ({ present: "full", all: ["ok", "full"] }),
  redisMemoryUsed: () => 0.5,
  tamperedRevocations: () => 4,
  redisCommandFailures: () => 3,
  clockOffsetMs: () => -2500,
  revocationViewAgeMs: () => 1500,
  revocationsInForce: () => 7,
  signingKeyAgeMs: () => 60_000,
  keysPublished: () => 2,
  clients: () => [{ id: 'a"b\\', disabled: false, secrets: [{ expiresAt: NOW + 90_000 }] }],
  isClient: (id) => id === "spark",
  settingsRefused: () => true,
  eventLoopLagMs: () => 4,
  connections: () => 5,
  inFlightRequests: () => 6,
  overloadRejections: () => 8,
  watchers: () => 9,
  droppedLogLines: () => 10,
};

const metricsOf = (sources: MetricSources) =>
  createMetrics({ version: "1.2.3", clock: () => NOW, sources, faults: () => silentLogger.faults });

const failing = () => {
  throw new Error("no key");
};

/** Reads the exposition format 0.0.4 strictly: any line that does not belong fails. */
async function scrape(metrics: Metrics) {
  const samples = new Map<string, number>();
  const families = new Map<string, { help: string; type: string }>();
  for (const line of (await metrics.exposition()).split("\n")) {
    if (line === "") continue;
    const help = /^# HELP ([a-z_]+) (.+)$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line);
    const sample = /^([a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})?) (-?[\d.e+-]+|[+-]Inf|NaN)$/.exec(line);
    if (help?.[1] && help[2]) families.set(help[1], { help: help[2], type: "" });
    else if (type?.[1] && type[2]) families.set(type[1], { help: families.get(type[1])?.help ?? "", type: type[2] });
    else if (sample?.[1]) samples.set(sample[1], Number(sample[2]?.replace("Inf", "Infinity")));
    else throw new Error(`not a line of the exposition format: ${line}`);
  }
  return { samples, families };
}

describe("metrics", () => {
  it("have the names that alert rules and dashboards use", async () => {
    const { samples } = await scrape(metricsOf(ALL));
    const ours = [...samples].filter(([name]) => name.startsWith("icemint_"));
    expect(Object.fromEntries(ours)).toEqual({
      'icemint_build_info{version="1.2.3"}': 1,
      icemint_redis_up: 1,
      'icemint_redis_state{state="ok"}': 0,
      'icemint_redis_state{state="full"}': 1,
      icemint_redis_memory_used_ratio: 0.5,
      icemint_config_refused: 1,
      icemint_redis_command_failures_total: 3,
      icemint_clock_offset_seconds: -2.5,
      icemint_revocation_view_age_seconds: 1.5,
      icemint_revocations_in_force: 7,
      icemint_signing_key_age_seconds: 60,
      icemint_keys_published: 2,
      'icemint_client_secret_expiry_seconds{client="a\\"b\\\\"}': 90,
      icemint_event_loop_lag_seconds: 0.004,
      icemint_connections: 5,
      icemint_in_flight_requests: 6,
      icemint_overload_rejections_total: 8,
      icemint_watchers: 9,
      icemint_log_lines_dropped_total: 10,
      icemint_refresh_reuse_total: 0,
      'icemint_store_regressions_total{what="refresh_family"}': 0,
      'icemint_store_regressions_total{what="revocation_log"}': 0,
      'icemint_store_tampered_total{what="refresh_family"}': 0,
      'icemint_store_tampered_total{what="revocation"}': 4,
      'icemint_unexpected_errors_total{place="request"}': 0,
      'icemint_unexpected_errors_total{place="batch"}': 0,
      'icemint_unexpected_errors_total{place="connection"}': 0,
      'icemint_unexpected_errors_total{place="timer"}': 0,
      'icemint_unexpected_errors_total{place="store"}': 0,
      'icemint_unexpected_errors_total{place="keys"}': 0,
      'icemint_unexpected_errors_total{place="settings"}': 0,
      'icemint_unexpected_errors_total{place="process"}': 0,
      icemint_config_reload_failures_total: 0,
    });
  });

  it("count requests by grant, transport and outcome", async () => {
    const metrics = metricsOf({});
    metrics.requestDone("client_credentials", "form", "ok", 3);
    metrics.requestDone("client_credentials", "form", "ok", 3);
    metrics.requestDone("client_credentials", "grpc", "invalid_client", 3);
    metrics.requestDone("revoke", "form", "ok");
    const { samples } = await scrape(metrics);
    const count = (grant: string, transport: string, outcome: string) =>
      samples.get(`icemint_requests_total{grant="${grant}",transport="${transport}",outcome="${outcome}"}`);
    expect(count("client_credentials", "form", "ok")).toBe(2);
    expect(count("client_credentials", "grpc", "invalid_client")).toBe(1);
    expect(count("revoke", "form", "ok")).toBe(1);
  });

  it("put durations into cumulative buckets, a bound included", async () => {
    const metrics = metricsOf({});
    for (const ms of [0.1, 1, 1.1, 250, 60_000]) metrics.requestDone("token_exchange", "form", "ok", ms);
    metrics.requestDone("introspect", "form", "ok");
    const { samples } = await scrape(metrics);
    const at = (part: string, le = "") =>
      samples.get(
        `icemint_request_duration_seconds_${part}{grant="token_exchange",transport="form"${le && `,le="${le}"`}}`,
      );
    expect([at("bucket", "0.0005"), at("bucket", "0.001"), at("bucket", "0.0025"), at("bucket", "0.25")]).toEqual([
      1, 2, 3, 4,
    ]);
    expect([at("bucket", "10"), at("bucket", "+Inf"), at("count")]).toEqual([4, 5, 5]);
    expect(at("sum")).toBeCloseTo(60.2522);
    expect([...samples.keys()].join()).not.toContain('duration_seconds_count{grant="introspect"');
  });

  it("leave out what this deployment does not have", async () => {
    const { samples } = await scrape(metricsOf({ signingKeyAgeMs: () => undefined }));
    expect(samples.has("icemint_redis_up")).toBe(false);
    expect(samples.has("icemint_signing_key_age_seconds")).toBe(false);
  });

  it("tell an age of infinity before the first full load", async () => {
    const { samples } = await scrape(metricsOf({ revocationViewAgeMs: () => Infinity }));
    expect(samples.get("icemint_revocation_view_age_seconds")).toBe(Infinity);
  });

  it("are scraped even if one part cannot tell its number", async () => {
    const { samples } = await scrape(metricsOf({ keysPublished: failing, watchers: () => 1 }));
    expect(samples.has("icemint_keys_published")).toBe(false);
    expect(samples.get("icemint_watchers")).toBe(1);
  });

  it("count reuses, regressions and refused settings", async () => {
    const metrics = metricsOf({});
    metrics.refreshReused();
    metrics.storeRegressed("refresh_family");
    metrics.familyTampered();
    metrics.configReloadFailed();
    const { samples } = await scrape(metrics);
    expect(samples.get("icemint_refresh_reuse_total")).toBe(1);
    expect(samples.get('icemint_store_regressions_total{what="refresh_family"}')).toBe(1);
    expect(samples.get('icemint_store_tampered_total{what="refresh_family"}')).toBe(1);
    expect(samples.get("icemint_config_reload_failures_total")).toBe(1);
  });

  it("follow Prometheus' naming rules: help, base units, _total for counters and for nothing else", async () => {
    const metrics = metricsOf(ALL);
    metrics.requestDone("client_credentials", "form", "ok", 3);
    const { families } = await scrape(metrics);
    for (const [name, { help, type }] of families) {
      expect(help, name).not.toBe("");
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(name, name).not.toMatch(
        /_(ms|millis|milliseconds|minutes|hours|kb|mb|count|sum|bucket|counter|gauge)(_|$)/,
      );
    }
    expect(families.get("process_cpu_seconds_total")?.type).toBe("counter");
  });

  it("are told apart from those of another server in the same process", async () => {
    const first = metricsOf({});
    first.refreshReused();
    const { samples } = await scrape(metricsOf({}));
    expect(samples.get("icemint_refresh_reuse_total")).toBe(0);
  });

  it("count uses of secrets by client and the secret's name", async () => {
    const metrics = metricsOf(ALL);
    metrics.secretUsed("spark", "sha256:1a2b3c4d");
    metrics.secretUsed("spark", "sha256:1a2b3c4d");
    metrics.secretUsed("spark", "env:OLD");
    const { samples } = await scrape(metrics);
    expect(samples.get('icemint_client_secret_uses_total{client="spark",secret="sha256:1a2b3c4d"}')).toBe(2);
    expect(samples.get('icemint_client_secret_uses_total{client="spark",secret="env:OLD"}')).toBe(1);
  });

  it("count refusals by client, but name no client that only a caller says there is", async () => {
    const metrics = metricsOf(ALL);
    metrics.clientRefused("spark", "secret_wrong");
    metrics.clientRefused("spark", "secret_wrong");
    metrics.clientRefused("invented", "client_unknown");
    metrics.clientRefused(undefined, "client_unknown");
    const { samples } = await scrape(metrics);
    expect(samples.get('icemint_client_refusals_total{client="spark",reason="secret_wrong"}')).toBe(2);
    expect(samples.get('icemint_client_refusals_total{client="(other)",reason="client_unknown"}')).toBe(2);
    expect([...samples.keys()].join()).not.toContain("invented");
  });
});
