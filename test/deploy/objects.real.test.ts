import { describe, expect, it } from "vitest";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { breaches } from "./restricted.js";
import { everythingOn, helm, podSpecs, render } from "./manifest.js";
import { projectRoot, tool } from "../support/tool.js";

const renders: [string, string[]][] = [
  ["as it comes", []],
  ["with everything on", ["-f", everythingOn]],
  ["autoscaled", ["--set", "autoscaling.enabled=true"]],
  ["with memory state", ["--set", "redis.mode=none,replicaCount=1"]],
  ["with Redis Cluster", ["--set", "redis.mode=cluster,redis.cluster.hosts={a:6379}"]],
  ["under TLS", ["--set", "tls.existingSecret=tls"]],
];

describe.skipIf(helm.missing)(`every object of the chart${helm.reason}`, () => {
  it.each(renders)("says its namespace, %s", (_, args) => {
    const objects = render(...args, "--namespace", "other", "--set", "namespaceOverride=");
    expect(objects.length).toBeGreaterThan(5);
    expect(objects.filter((object) => object.metadata.namespace !== "other")).toEqual([]);
  });

  it("carries the common labels", () => {
    const objects = render("--set", "commonLabels.team=data");
    expect(objects.filter((object) => object.metadata.labels["team"] !== "data")).toEqual([]);
  });
});

describe.skipIf(helm.missing)(`every pod of the chart${helm.reason}`, () => {
  it.each(renders)("is admitted by Pod Security restricted, %s", (_, args) => {
    const pods = podSpecs(render(...args));
    expect(pods.length).toBe(2);
    for (const [name, pod] of pods) expect([name, breaches(pod)]).toEqual([name, []]);
  });

  it("gets no service account token, and a root file system that it cannot write", () => {
    for (const [, pod] of podSpecs(render())) {
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.containers.map((each) => each.securityContext.readOnlyRootFilesystem)).toEqual([true]);
    }
  });

  it("may leave the user to the platform, as OpenShift wants it", () => {
    const args = ["--set", "podSecurityContext.runAsUser=null,podSecurityContext.runAsGroup=null"];
    for (const [, pod] of podSpecs(render(...args))) {
      expect(pod.securityContext.runAsUser).toBeUndefined();
      expect(breaches(pod)).toEqual([]);
    }
  });
});

const kubeconform = tool("kubeconform");

describe.skipIf(helm.missing || kubeconform.missing)(
  `Kubernetes' own schemas${helm.reason}${kubeconform.reason}`,
  () => {
    const location = join(projectRoot, "test/deploy/schemas/{{.ResourceKind}}{{.KindSuffix}}.json");

    function validate(yaml: string): { readonly code: number; readonly output: string } {
      const folder = mkdtempSync(join(tmpdir(), "icemint-kubeconform-"));
      try {
        const file = join(folder, "rendered.yaml");
        writeFileSync(file, yaml);
        return kubeconform.run("-strict", "-summary", "-schema-location", location, file);
      } finally {
        rmSync(folder, { recursive: true });
      }
    }

    it.each(renders)("accept every object, %s", (_, args) => {
      const { output } = helm.run("template", "icemint", "deploy/helm/icemint", ...args);
      const result = validate(output);
      expect(result.output).toMatch(/Invalid: 0, Errors: 0, Skipped: 0/);
      expect(result.code).toBe(0);
    });

    it("would refuse a misspelt field", () => {
      const { output } = helm.run("template", "icemint", "deploy/helm/icemint");
      expect(validate(output.replace("enableServiceLinks", "enableServiceLink")).code).not.toBe(0);
    });
  },
);
