import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { parse } from "yaml";
import { z } from "zod";
import { chart, everythingOn, helm, only, podSpecs, render } from "./manifest.js";
import { projectRoot } from "../support/tool.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");
const settings = (...args: readonly string[]): unknown =>
  parse(only(render(...args), "ConfigMap", "icemint").data["icemint.yaml"] ?? "");
const set = (...values: readonly string[]): readonly string[] => values.flatMap((value) => ["--set", value]);
const kinds = (...args: readonly string[]): readonly string[] => render(...args).map((object) => object.kind);
const checksum = (...args: readonly string[]): string | undefined =>
  JSON.stringify(only(render(...args), "Deployment").spec).match(/"checksum\/config":"(\w+)"/)?.[1];
const replicas = z.object({ replicas: z.number().optional() });

describe.skipIf(helm.missing)(`the chart${helm.reason}`, () => {
  it.each([[], ["-f", everythingOn]])("passes helm lint %s %s", (...values) => {
    expect(helm.run("lint", "--strict", chart, ...values)).toMatchObject({ code: 0 });
  });

  it.each([
    ["defaults", []],
    ["everything-on", ["-f", everythingOn, "--namespace", "other"]],
  ])("renders %s as the golden file says", async (name, args) => {
    const { code, output } = helm.run("template", "icemint", chart, ...args);
    expect(code).toBe(0);
    // Helm 3 and 4 differ in the empty lines between objects.
    await expect(output.replaceAll(/\n+---/g, "\n---")).toMatchFileSnapshot(`golden/${name}.yaml`);
  });

  it("renders the base for Kustomize", async () => {
    const args = ["--no-hooks", "--namespace", "icemint", ...set("rollOnConfigChange=false")];
    const { output } = helm.run("template", "icemint", chart, ...args);
    const formatted = await format(output, { parser: "yaml", printWidth: 120 });
    await expect(formatted).toMatchFileSnapshot("../../deploy/kustomize/icemint.yaml");
  });

  it.each([
    "replicaCoutn=2",
    "replicaCount=three",
    "image.repositry=x",
    "image.digest=sha256:1",
    "redis.mode=sentinal",
    "redis.sentinel.host=a:1",
    "redis.sentinel.hosts={no-port}",
    "config.tokns.access_ttl=1h",
    "config.tokens.acces_ttl=1h",
    "config.shutdown.delay=5s",
    "config.redis.url=redis://x",
    "shutdown.delay=5s",
    "livenessProbe.httpGet.prot=1",
    "securityContext.readOnlyRootFilesytem=true",
    "resources.limit.cpu=1",
    "serviceMonitor.enabled=maybe",
    "httpRoute.hostname=a.example.com",
    "ingress.hosts[0].hots=a",
    "tests.enable=false",
  ])("refuses the mistyped value %s, naming it", (value) => {
    const { code, output } = helm.run("template", "icemint", chart, ...set(value));
    expect(code).not.toBe(0);
    expect(output).toContain("values don't meet the specifications of the schema");
  });

  it.each([
    ["three replicas with memory state", set("redis.mode=none"), "set replicaCount to 1"],
    ["Sentinel without hosts", set("redis.mode=sentinel"), "redis.sentinel.hosts"],
    ["Cluster without hosts", set("redis.mode=cluster"), "redis.cluster.hosts"],
    [
      "a ServiceMonitor without the metrics Service",
      set("serviceMonitor.enabled=true", "headlessService.enabled=false"),
      "headlessService.enabled",
    ],
  ])("refuses %s, and says what to set", (_, values, words) => {
    const { code, output } = helm.run("template", "icemint", chart, ...values);
    expect(code).not.toBe(0);
    expect(output).toContain(words);
  });

  it("makes no Secret, and reads one of a default name", () => {
    const objects = render();
    expect(objects.map((object) => object.kind)).not.toContain("Secret");
    const [, pod] = podSpecs(objects)[0] ?? [];
    expect(pod?.volumes).toContainEqual({ name: "secret", secret: { secretName: "icemint" } });
  });

  it("gives a pod the shutdown delay, the grace and a margin, and no hook that would add to them", () => {
    const args = set("shutdown.delaySeconds=12", "shutdown.graceSeconds=30", "shutdown.marginSeconds=3");
    const [, pod] = podSpecs(render(...args))[0] ?? [];
    expect(pod?.terminationGracePeriodSeconds).toBe(45);
    expect(pod?.containers.map((each) => each.lifecycle)).toEqual([undefined]);
    expect(settings(...args)).toMatchObject({ shutdown: { delay: "12s", grace: "30s" } });
  });

  it("leaves the number of replicas to the autoscaler", () => {
    expect(replicas.parse(only(render(), "Deployment").spec)).toEqual({ replicas: 3 });
    expect(replicas.parse(only(render(...set("autoscaling.enabled=true")), "Deployment").spec)).toEqual({});
  });

  it("has a disruption budget only where more than one replica runs", () => {
    expect(kinds()).toContain("PodDisruptionBudget");
    expect(kinds(...set("replicaCount=1"))).not.toContain("PodDisruptionBudget");
    expect(kinds(...set("replicaCount=1", "autoscaling.enabled=true"))).toContain("PodDisruptionBudget");
  });

  it("rolls the pods when a setting changes, unless told not to", () => {
    expect(checksum()).toMatch(/^[0-9a-f]{64}$/);
    expect(checksum(...set("config.issuer=https://a.example.com"))).not.toBe(checksum());
    expect(checksum(...set("rollOnConfigChange=false"))).toBeUndefined();
  });

  it("writes Redis' settings for one server, Sentinel and Cluster, and never a password", () => {
    expect(settings()).toMatchObject({ redis: { prefix: "icemint" } });
    expect(
      settings(...set("redis.mode=cluster", "redis.cluster.hosts={a:6379,b:6379}", "redis.passwordKey=pw")),
    ).toMatchObject({
      redis: { cluster: { hosts: ["a:6379", "b:6379"] }, password_file: "/run/secrets/icemint/pw" },
    });
    expect(settings("-f", everythingOn, ...set("fullnameOverride=icemint"))).toMatchObject({
      redis: {
        sentinel: { master: "tokens", password_file: "/run/secrets/icemint/sentinel-password" },
        tls: { ca_file: "/run/secrets/redis-tls/ca.crt", cert_file: "/run/secrets/redis-tls/tls.crt" },
      },
    });
    expect(settings(...set("redis.mode=none", "replicaCount=1"))).not.toHaveProperty("redis");
  });

  it("makes monitoring objects by themselves only where the cluster knows them", () => {
    const auto = set("serviceMonitor.enabled=auto", "prometheusRule.enabled=auto");
    expect(kinds(...auto)).not.toContain("ServiceMonitor");
    expect(kinds(...auto, "--api-versions", "monitoring.coreos.com/v1")).toEqual(
      expect.arrayContaining(["ServiceMonitor", "PrometheusRule"]),
    );
  });
});

it("the chart has the version of the package", () => {
  const version = z.object({ version: z.string() });
  const { version: ours } = version.parse(JSON.parse(read("package.json")));
  expect(parse(read(`${chart}/Chart.yaml`))).toMatchObject({ version: ours, appVersion: ours });
});

describe("the chart's values", () => {
  type Schema = z.infer<typeof schema>;
  const schema: z.ZodType<{
    type?: string | string[] | undefined;
    properties?: Record<string, unknown> | undefined;
    additionalProperties?: unknown;
  }> = z.looseObject({
    type: z.union([z.string(), z.array(z.string())]).optional(),
    properties: z.record(z.string(), z.unknown()).optional(),
    additionalProperties: z.unknown(),
  });
  const document: unknown = JSON.parse(read(`${chart}/values.schema.json`));

  function* nodes(node: unknown): Generator<Schema> {
    if (typeof node !== "object" || node === null) return;
    const parsed = schema.safeParse(node);
    if (parsed.success && parsed.data.properties !== undefined) yield parsed.data;
    for (const child of Object.values(node)) yield* nodes(child);
  }

  it("are closed in the schema wherever it names properties", () => {
    const open = [...nodes(document)].filter((node) => node.additionalProperties !== false);
    expect(open.map((node) => Object.keys(node.properties ?? {}))).toEqual([]);
  });

  it("stand in the schema and in the chart's README, each of them", () => {
    const names = Object.keys(z.record(z.string(), z.unknown()).parse(parse(read(`${chart}/values.yaml`))));
    expect(
      Object.keys(schema.parse(document).properties ?? {})
        .filter((name) => name !== "global")
        .toSorted(),
    ).toEqual(names.toSorted());
    const readme = read(`${chart}/README.md`);
    expect(names.filter((name) => !readme.includes(`\`${name}`))).toEqual([]);
  });
});
