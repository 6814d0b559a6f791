import { describe, expect, it } from "vitest";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { projectRoot } from "../support/tool.js";
import { alerts, files } from "./alert-rules.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");

/** The metrics that the service registers: the strings in its telemetry. */
const metrics = new Set(
  globSync("src/telemetry/**/*.ts", { cwd: projectRoot }).flatMap((path) =>
    [...read(path).matchAll(/"(icemint_\w+)"/g)].map(([, name = ""]) => name),
  ),
);

const named = (text: string): readonly string[] => text.match(/\bicemint_\w+/g) ?? [];
const unknown = (text: string): readonly string[] =>
  named(text).filter((metric) => !metrics.has(metric.replace(/_bucket$/, "")));

describe("the alert rules", () => {
  it("name only metrics that icemint has", () => {
    expect(alerts.flatMap((alert) => unknown(alert.expr))).toEqual([]);
  });

  it("fire in a test, each of them", () => {
    const tested = z
      .object({
        tests: z.array(
          z.looseObject({
            promql_expr_test: z.array(
              z.looseObject({ expr: z.string(), exp_samples: z.array(z.looseObject({ labels: z.string() })) }),
            ),
          }),
        ),
      })
      .loose()
      .parse(parse(read("test/deploy/alerts-test.yaml")));
    const firing = tested.tests
      .flatMap((each) => each.promql_expr_test)
      .filter(({ exp_samples: samples }) => samples.length > 0)
      .flatMap(({ expr, exp_samples: samples }) => `${expr} ${samples.map(({ labels }) => labels).join(" ")}`)
      .join("\n");
    expect(alerts.map(({ alert }) => alert).filter((name) => !new RegExp(`"${name}"`).test(firing))).toEqual([]);
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
