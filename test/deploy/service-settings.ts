/** Reads the settings as the service does in the pod that the chart makes: its file, its environment, its volumes. */
import { readConfig } from "../../src/config/read.js";
import type { Config } from "../../src/config/config.js";
import { certificateFor, privateKeyPem } from "../config/key-material.js";
import { type Manifest, only, podSpecs } from "./manifest.js";

const privateKey = privateKeyPem();
const certificate = certificateFor(privateKey);
const settingsFile = "/etc/icemint/icemint.yaml";
const secrets: Readonly<Record<string, string>> = {
  "redis-url": "redis://redis:6379",
  url: "redis://redis:6379",
  "sealing-key": Buffer.alloc(32, 7).toString("base64"),
  key: Buffer.alloc(32, 7).toString("base64"),
  "ca.crt": certificate,
  "tls.crt": certificate,
  "tls.key": privateKey,
};

/** Throws if the service would not start. Whatever lies in a mounted volume is there; nothing else is. */
export function readInPod(objects: readonly Manifest[]): Config {
  const name = only(objects, "Deployment").metadata.name;
  const [container] = podSpecs(objects).find(([pod]) => pod === name)?.[1].containers ?? [];
  const exists = (path: string): boolean =>
    container?.volumeMounts.some(({ mountPath }) => path.startsWith(`${mountPath}/`)) === true;
  const contents = (path: string): string => {
    if (!exists(path)) throw Object.assign(new Error(path), { code: "ENOENT" });
    if (path === settingsFile) return only(objects, "ConfigMap", name).data["icemint.yaml"] ?? "";
    if (path.endsWith(".yaml")) return "- { id: another-team, secrets: [{ file: /run/secrets/clients/another }] }";
    return secrets[path.slice(path.lastIndexOf("/") + 1)] ?? `a secret with many characters: ${path}`;
  };
  return readConfig({
    file: settingsFile,
    env: Object.fromEntries(container?.env.map((each) => [each.name, each.value]) ?? []),
    disk: {
      read: contents,
      exists,
      list: (pattern) => (exists(pattern) ? [pattern.replace("*", "team")] : []),
    },
    clock: () => Date.parse("2026-06-01T00:00:00Z"),
  });
}
