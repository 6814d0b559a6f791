/** The chart and the service must agree on the names in the settings file. */
import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { settingsSchema } from "../../src/config/schema.js";
import { chart } from "./manifest.js";
import { projectRoot } from "../support/tool.js";

/** What the chart has values of its own for. */
const ownValues = ["admin_listen", "listen", "log_level", "redis", "shutdown"];

const node = z.looseObject({ properties: z.record(z.string(), z.unknown()).optional(), items: z.unknown().optional() });

function* names(schema: unknown, path: string): Generator<string> {
  const parsed = node.safeParse(schema);
  if (!parsed.success) return;
  for (const [name, child] of Object.entries(parsed.data.properties ?? {})) {
    yield `${path}${name}`;
    yield* names(child, `${path}${name}.`);
  }
  if (parsed.data.items !== undefined) yield* names(parsed.data.items, path);
}

describe("the chart's config value", () => {
  it("knows the names of the service's settings, and no others", () => {
    const values: unknown = JSON.parse(readFileSync(join(projectRoot, chart, "values.schema.json"), "utf8"));
    const config = z.looseObject({ properties: z.looseObject({ config: z.unknown() }) }).parse(values)
      .properties.config;
    const service = z.toJSONSchema(settingsSchema, { unrepresentable: "any", io: "input" });
    const expected = [...names(service, "")].filter((name) => !ownValues.includes(name.split(".", 1).join()));
    expect([...names(config, "")].toSorted()).toEqual(expected.toSorted());
  });
});
