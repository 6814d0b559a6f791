import { certificateFor, privateKeyPem } from "./key-material.js";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { localDisk } from "../../src/config/reading/disk.js";
import { VARIABLES } from "../../src/config/env.js";
import { readConfig } from "../../src/config/read.js";
import { settingsSchema } from "../../src/config/schema.js";
import { NOW, read } from "./settings.js";

/** Every name of the schema, as the documentation spells it; mappings that only group others are left out. */
function namesOf(schema: unknown, path = ""): readonly string[] {
  if (schema instanceof z.ZodOptional) return namesOf(schema.unwrap(), path);
  if (schema instanceof z.ZodArray) return namesOf(schema.element, `${path}[]`);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).flatMap(([name, inner]) => {
    const here = path === "" ? name : `${path}.${name}`;
    return [here, ...namesOf(inner, here)];
  });
}

/** Groups that have no row of their own: all that is to say stands at their members. */
const GROUPS = ["tokens", "revocation", "keys", "limits", "http", "shutdown", "telemetry"];

const names = namesOf(settingsSchema).filter((name) => !GROUPS.includes(name));
const documentation = readFileSync(resolve("docs/configuration.md"), "utf8");
const rows = [...documentation.matchAll(/^\| `([\w.[\]]+)` +\|/gm)].map(([, name]) => name ?? "");
const variables: readonly string[] = VARIABLES;

describe("docs/configuration.md", () => {
  test.each([...names, ...variables])("explains %s in one row", (name) => {
    expect(rows.filter((row) => row === name)).toHaveLength(1);
  });

  test("explains nothing that is no setting", () => {
    expect(names.length).toBeGreaterThan(80);
    expect(rows.filter((row) => !names.includes(row) && !variables.includes(row))).toEqual([]);
  });
});

test("the documented defaults, written into a file, change nothing", () => {
  const defaults = [...documentation.matchAll(/^\| `([\w.]+)` +\|[^|]*\| `([^`]+)`/gm)].flatMap(([, name, value]) =>
    name === undefined || value === undefined || /^(ICEMINT_|redis|keys\.vault|issuer)/.test(name)
      ? []
      : [{ name, value }],
  );
  const groups = Map.groupBy(defaults, ({ name }) => (name.includes(".") ? name.slice(0, name.indexOf(".")) : ""));
  const yaml = [...groups].map(([group, settings]) => {
    const lines = settings.map(({ name, value }) => `${name.slice(name.indexOf(".") + 1)}: ${value}`);
    return group === "" ? lines.join("\n") : `${group}:\n  ${lines.join("\n  ")}`;
  });
  expect(defaults.length).toBeGreaterThan(15);
  expect(read({ yaml: yaml.join("\n") })).toEqual(read({ yaml: "" }));
});

describe("examples/icemint.yaml", () => {
  const example = readFileSync(resolve("examples/icemint.yaml"), "utf8");

  test("is accepted as it stands, without a warning", () => {
    const config = readConfig({ file: resolve("examples/icemint.yaml"), env: {}, disk: localDisk, clock: () => NOW });
    expect(config.clients.map(({ id }) => id)).toEqual(["trino", "spark-etl", "orders-api"]);
    expect(config.warnings).toEqual([]);
  });

  test.each(names)("shows %s", (name) => {
    const last = name.slice(name.lastIndexOf(".") + 1);
    expect(example).toMatch(new RegExp(`\\b${last}:`));
  });

  test("what is commented out is right too", () => {
    const key = privateKeyPem();
    const certificate = certificateFor(key);
    const contentsOf = (path: string): string => {
      if (path === "/a.yaml") return "[]";
      return path.endsWith(".crt") ? certificate : path.endsWith(".key") ? key : "y".repeat(24);
    };
    const all = example
      .replace(/^# (redis:|clients_files:|telemetry:)/gm, "$1")
      .replace(/^# {3}(?=[a-z])/gm, "  ")
      .replace(/^( +)# (?=(- \{ (env|file)|ca_file|token_file|cache_file|tls):? )/gm, "$1");
    const file = "/somewhere/icemint.yaml";
    const env = { ICEMINT_SEALING_KEY: Buffer.alloc(32).toString("base64"), SPARK_SECRET: "x".repeat(24) };
    const config = readConfig({
      file,
      env,
      disk: { read: (path) => (path === file ? all : contentsOf(path)), exists: () => true, list: () => ["/a.yaml"] },
      clock: () => NOW,
    });
    expect(config.redis?.tls).toBeDefined();
    expect(config.http.tls).toBeDefined();
    expect(config.keys.cacheFile).toBeDefined();
    expect(config.clients[1]?.secrets).toHaveLength(4);
    expect(config.telemetry.otlpEndpoint).toBeDefined();
  });
});
