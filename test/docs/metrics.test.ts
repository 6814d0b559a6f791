/** A metric that a page, an alert or a panel names is one that icemint exposes. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { files } from "../deploy/alert-rules.js";
import { projectRoot } from "../support/tool.js";
import { pages } from "./markdown.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");

/** The metrics that the service and the edge register: the strings in their sources. */
const exposed: ReadonlySet<string> = new Set(
  globSync("src/{telemetry,edge}/**/*.ts", { cwd: projectRoot }).flatMap((path) =>
    [...read(path).matchAll(/"(icemint_\w+)"/g)].map(([, name = ""]) => name),
  ),
);

const namedIn = (path: string): readonly string[] => read(path).match(/\bicemint_[a-z_]*[a-z]\b/g) ?? [];

/** The series of a histogram have endings. */
const isExposed = (name: string): boolean => exposed.has(name) || exposed.has(name.replace(/_(bucket|count|sum)$/, ""));

describe("metrics", () => {
  test("are found in the source", () => {
    expect(exposed.size).toBeGreaterThan(18);
  });

  test.each([...pages, `${files}/alerts.yaml`, `${files}/dashboard.json`, "test/deploy/alerts-test.yaml"])(
    "that %s names exist",
    (path) => {
      expect(namedIn(path).filter((name) => !isExposed(name))).toEqual([]);
    },
  );

  test("are all explained in docs/telemetry.md, or docs/edge.md", () => {
    const explained = new Set([...namedIn("docs/telemetry.md"), ...namedIn("docs/edge.md")]);
    expect([...exposed].filter((name) => !explained.has(name))).toEqual([]);
  });
});
