/** The chart and the service must agree on the settings file: its names, and what the chart writes into it. */
import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { settingsSchema } from "../../src/config/schema.js";
import { chart, everythingOn, helm, only, render } from "./manifest.js";
import { projectRoot } from "./programs.js";
import { readInPod } from "./service-settings.js";

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

describe.skipIf(helm.missing)(`the settings file that the chart writes${helm.reason}`, () => {
  it.each([
    ["as it comes", []],
    ["with everything on", ["-f", everythingOn, "--set", "fullnameOverride=icemint"]],
    ["with memory state", ["--set", "redis.mode=none,replicaCount=1"]],
    ["with Redis Cluster", ["--set", "redis.mode=cluster,redis.cluster.hosts={a:6379,b:6379}"]],
    ["with one Redis server under TLS", ["--set", "redis.tls.existingSecret=ca"]],
  ])("is accepted by the service, %s", (_, args) => {
    const { clients, warnings } = readInPod(render(...args));
    const nobody = "/etc/icemint/icemint.yaml: clients: is empty: nobody gets a token";
    expect(warnings).toEqual(clients.length === 0 ? [nobody] : []);
  });

  it("keeps large numbers, dates and digests as they were", () => {
    const args = [
      "--set",
      "config.limits.max_connections=1000000",
      "-f",
      everythingOn,
      "--set",
      "fullnameOverride=icemint",
    ];
    const text = only(render(...args), "ConfigMap", "icemint").data["icemint.yaml"];
    expect(text).toContain("max_connections: 1000000");
    expect(text).toContain('expires: "2027-01-31T00:00:00Z"');
  });
});
