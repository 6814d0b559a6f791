import { describe, expect, it } from "vitest";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { projectRoot } from "../support/tool.js";
import { alerts, files } from "./alert-rules.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");

/** Every metric that icemint exposes, with the series of its histogram. Rules and panels may name no other. */
const metrics = new Set([
  "icemint_build_info",
  "icemint_client_secret_expiry_seconds",
  "icemint_clock_offset_seconds",
  "icemint_config_reload_failures_total",
  "icemint_connections",
  "icemint_event_loop_lag_seconds",
  "icemint_in_flight_requests",
  "icemint_keys_published",
  "icemint_overload_rejections_total",
  "icemint_redis_command_failures_total",
  "icemint_redis_memory_used_ratio",
  "icemint_redis_state",
  "icemint_redis_up",
  "icemint_refresh_reuse_total",
  "icemint_request_duration_seconds_bucket",
  "icemint_requests_total",
  "icemint_revocation_view_age_seconds",
  "icemint_revocations_in_force",
  "icemint_signing_key_age_seconds",
  "icemint_store_regressions_total",
  "icemint_watchers",
]);

const named = (text: string): readonly string[] => text.match(/\bicemint_\w+/g) ?? [];
const unknown = (text: string): readonly string[] => named(text).filter((metric) => !metrics.has(metric));

it("the metrics that rules and panels may name are those of the service", () => {
  const folder = join(projectRoot, "src/telemetry");
  const source = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  const spelled = new Set(
    source.flatMap((text) => text.match(/"icemint_\w+"/g) ?? []).map((name) => name.slice(1, -1)),
  );
  expect([...metrics].filter((name) => !spelled.has(name.replace(/_bucket$/, "")))).toEqual([]);
});

describe("the alert rules", () => {
  it("name only metrics that icemint has", () => {
    expect(alerts.flatMap((alert) => unknown(alert.expr))).toEqual([]);
  });

  it("lead to an entry of the runbook, each of them, and the runbook has no other", () => {
    const headings = read("docs/runbook.md").match(/^### Icemint\w+$/gm) ?? [];
    const anchors = headings.map((heading) => `docs/runbook.md#${heading.slice(4).toLowerCase()}`);
    const led = alerts.map((alert) => alert.annotations.runbook ?? "no entry");
    expect(led.toSorted()).toEqual(anchors.toSorted());
  });
});

describe("the dashboard", () => {
  const text = read(`${files}/dashboard.json`);
  const panel = z.looseObject({
    id: z.number(),
    title: z.string(),
    type: z.string(),
    gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
    targets: z.array(z.looseObject({ expr: z.string() })).default([]),
  });
  const { panels } = z.looseObject({ uid: z.literal("icemint"), panels: z.array(panel) }).parse(JSON.parse(text));

  it("names only metrics that icemint has, and shows every one of them", () => {
    expect(unknown(text)).toEqual([]);
    expect([...metrics].filter((metric) => !text.includes(metric))).toEqual([]);
  });

  it("asks for the chosen namespace and job in every query", () => {
    const queries = panels.flatMap((each) => each.targets.map((target) => target.expr));
    expect(queries.length).toBeGreaterThan(20);
    expect(queries.filter((query) => !query.includes('{namespace=~"$namespace",job=~"$job"'))).toEqual([]);
  });

  it("has panels of their own number and place", () => {
    expect(new Set(panels.map((each) => each.id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});
