/** The settings of `examples/edge`. Its proxies run in `proxies.real.test.ts`. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { localDisk } from "../../src/config/reading/disk.js";
import { IDENTITY_HEADERS } from "../../src/edge/inbound/identity-headers.js";
import { readEdgeSettings } from "../../src/edge/settings/read.js";
import { projectRoot, tool } from "../support/tool.js";

const FOLDER = join(projectRoot, "examples/edge");

test("edge.yaml has no problem", () => {
  expect(readEdgeSettings(join(FOLDER, "edge.yaml"), localDisk).inbound).toMatchObject({
    audience: "https://catalog.example.com",
    pathHeader: "x-forwarded-uri",
    rules: [{ path: "/v1/config" }, { path: "/*" }],
  });
});

test.each(["nginx.conf", "icemint.lua", "Caddyfile", "traefik.yaml"])("%s hands every identity header on", (name) => {
  const text = readFileSync(join(FOLDER, name), "utf8");
  for (const header of IDENTITY_HEADERS) expect(text).toContain(header);
});

const kubeconform = tool("kubeconform");
const manifests = readdirSync(FOLDER).filter((name) =>
  readFileSync(join(FOLDER, name), "utf8").includes("\napiVersion: "),
);

test.skipIf(kubeconform.missing)(`the Kubernetes objects fit their schemas${kubeconform.reason}`, () => {
  expect(manifests.toSorted()).toEqual(["envoy-gateway.yaml", "gateway-api.yaml", "istio.yaml"]);
  const location = join(projectRoot, "test/deploy/schemas/edge/{{.ResourceKind}}{{.KindSuffix}}.json");
  const files = manifests.map((name) => join(FOLDER, name));
  const { code, output } = kubeconform.run("-strict", "-summary", "-schema-location", location, ...files);
  expect(output).toMatch(/Valid: 3, Invalid: 0, Errors: 0, Skipped: 0/);
  expect(code).toBe(0);
});

test.skipIf(kubeconform.missing)(`the objects of an edge in Kubernetes fit their schemas${kubeconform.reason}`, () => {
  const location = join(projectRoot, "test/deploy/schemas/{{.ResourceKind}}{{.KindSuffix}}.json");
  const files = ["spark-sidecar.yaml", "namespace.yaml"].map((name) => join(FOLDER, "../edge-kubernetes", name));
  const { code, output } = kubeconform.run("-strict", "-summary", "-schema-location", location, ...files);
  expect(output).toMatch(/Valid: 8, Invalid: 0, Errors: 0, Skipped: 0/);
  expect(code).toBe(0);
});
