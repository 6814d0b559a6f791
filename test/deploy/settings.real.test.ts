/** The service must accept the settings file that the chart writes. */
import { describe, expect, it } from "vitest";
import { everythingOn, helm, only, render } from "./manifest.js";
import { readInPod } from "./service-settings.js";

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
