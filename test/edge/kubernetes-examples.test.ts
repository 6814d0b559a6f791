/** The manifests of `examples/edge-kubernetes`: what users copy. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { readEdgeSettings } from "../../src/edge/settings/read.js";
import { projectRoot } from "../support/tool.js";

const FOLDER = join(projectRoot, "examples/edge-kubernetes");
const FILES = ["spark-sidecar.yaml", "namespace.yaml"] as const;

const container = z.object({
  name: z.string(),
  args: z.array(z.string()).optional(),
  restartPolicy: z.string().optional(),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() })),
});
const podSpec = z.object({
  initContainers: z.array(container).optional(),
  containers: z.array(container),
  volumes: z.array(z.object({ name: z.string(), emptyDir: z.object({ medium: z.string() }).optional() })),
});
const object = z.object({
  kind: z.string(),
  data: z.record(z.string(), z.string()).optional(),
  spec: z.unknown().optional(),
});

function objectsOf(file: string) {
  const text = readFileSync(join(FOLDER, file), "utf8");
  return parseAllDocuments(text).map((document) => object.parse(document.toJS()));
}

function podOf(file: string) {
  for (const { kind, spec } of objectsOf(file)) {
    if (kind === "Pod") return podSpec.parse(spec);
    if (kind === "Deployment") return z.object({ template: z.object({ spec: podSpec }) }).parse(spec).template.spec;
  }
  throw new Error("no pod");
}

function settingsOf(file: string) {
  const text = objectsOf(file).find(({ kind }) => kind === "ConfigMap")?.data?.["edge.yaml"] ?? "";
  return readEdgeSettings("edge.yaml", { read: () => text, exists: () => true, list: () => [] });
}

describe.each(FILES)("%s", (file) => {
  test("has settings without a problem, and mounts a volume for each file that they name", () => {
    const { credential, outbound } = settingsOf(file);
    const { initContainers = [], containers } = podOf(file);
    const edge = [...initContainers, ...containers].find(({ name }) => name === "icemint-edge");
    expect(edge?.args).toEqual(["edge", "--config", "/etc/icemint/edge.yaml"]);
    const mounts = new Map(edge?.volumeMounts.map(({ mountPath, readOnly = false }) => [mountPath, readOnly]));
    expect(mounts.get("/etc/icemint")).toBe(true);
    expect(mounts.get(dirname(credential.file))).toBe(true);
    for (const path of [outbound?.secretFile ?? []].flat()) expect(mounts.get(dirname(path))).toBe(true);
    for (const path of outbound?.tokens.flatMap((entry) => entry.file ?? []) ?? []) {
      expect(mounts.get(dirname(path))).toBe(false);
    }
  });
});

test("the sidecar is a native one, and its tokens lie in memory", () => {
  const { initContainers, volumes } = podOf("spark-sidecar.yaml");
  expect(initContainers?.map(({ restartPolicy }) => restartPolicy)).toEqual(["Always"]);
  expect(volumes.find(({ name }) => name === "tokens")?.emptyDir).toEqual({ medium: "Memory" });
});

test("the namespace's edge knows every name of its Service", () => {
  const names = [
    "icemint-edge",
    "icemint-edge.spark",
    "icemint-edge.spark.svc",
    "icemint-edge.spark.svc.cluster.local",
  ];
  expect(settingsOf("namespace.yaml").outbound?.hosts).toEqual(names);
});
