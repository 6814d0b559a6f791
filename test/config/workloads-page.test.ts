import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { read } from "./settings.js";

const page = readFileSync(resolve("docs/workloads.md"), "utf8");
const settings = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].flatMap(([, yaml = ""]) =>
  yaml.includes("workloads:") ? [yaml] : [],
);

describe("docs/workloads.md", () => {
  test("has a rule to paste for each platform", () => {
    expect(settings).toHaveLength(4);
  });

  test.each(settings)("has rules that are accepted as they stand, without a warning: %s", (yaml) => {
    const { workloads, warnings } = read({ yaml: `issuer: https://tokens.example.com\n${yaml}` });
    expect(workloads).toHaveLength(1);
    expect(warnings).toEqual([]);
  });
});
