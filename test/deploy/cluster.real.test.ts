/**
 * A real API server's opinion, by server-side dry run: nothing is stored. Opt-in, because few machines have a server:
 * ICEMINT_TEST_KUBECONFIG names a kubeconfig whose user may create namespaces, in a cluster with the CRDs of Gateway
 * API and the Prometheus Operator.
 */
import { describe, expect, it } from "vitest";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chart, everythingOn, helm } from "./manifest.js";
import { skipped, tool } from "../support/tool.js";

const kubectl = tool("kubectl", "from kubernetes.io");
const kubeconfig = process.env["ICEMINT_TEST_KUBECONFIG"] ?? "";
const reason = kubeconfig === "" ? skipped("ICEMINT_TEST_KUBECONFIG is not set") : helm.reason + kubectl.reason;

const ask = (...args: readonly string[]) => kubectl.run("--kubeconfig", kubeconfig, ...args);

describe.skipIf(kubeconfig === "" || helm.missing || kubectl.missing)(`a real API server${reason}`, () => {
  it.each([
    ["as it comes", []],
    ["with everything on", ["-f", everythingOn, "--set", "priorityClassName=,runtimeClassName="]],
  ])("accepts every object in a restricted namespace, %s", (_, args) => {
    // Each its own: a deleted one may take its time to go.
    const namespace = `icemint-${randomBytes(4).toString("hex")}`;
    const folder = mkdtempSync(join(tmpdir(), "icemint-cluster-"));
    const file = join(folder, "rendered.yaml");
    try {
      expect(ask("create", "namespace", namespace).code).toBe(0);
      const words = ["enforce=restricted", "warn=restricted"].map((word) => `pod-security.kubernetes.io/${word}`);
      expect(ask("label", "namespace", namespace, ...words).code).toBe(0);
      const { output } = helm.run("template", "icemint", chart, ...args, "--set", `namespaceOverride=${namespace}`);
      writeFileSync(file, output);
      const answer = ask("apply", "--dry-run=server", "--validate=strict", "-f", file);
      expect(answer.output).not.toMatch(/warning|error/i);
      expect(answer.code).toBe(0);
    } finally {
      ask("delete", "namespace", namespace, "--wait=false");
      rmSync(folder, { recursive: true });
    }
  });
});
