/** What docs/kubernetes.md tells people to write is written here, and must be accepted. */
import { describe, expect, it } from "vitest";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { helm, podSpecs, render } from "./manifest.js";
import { projectRoot } from "../support/tool.js";
import { breaches } from "./restricted.js";
import { readInPod } from "./service-settings.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");
const examples = [...read("docs/kubernetes.md").matchAll(/^```yaml title=values\.yaml\n(.*?)^```/gms)].map(
  ([, text = ""]): [string, string] => [text.split("\n", 1).join(), text],
);

describe.skipIf(helm.missing)(`the values in docs/kubernetes.md${helm.reason}`, () => {
  it("are several", () => {
    expect(examples.length).toBeGreaterThan(8);
  });

  it.each(examples)("render, with settings that the service accepts: %s", (_, text) => {
    const folder = mkdtempSync(join(tmpdir(), "icemint-docs-"));
    try {
      const file = join(folder, "values.yaml");
      writeFileSync(file, text);
      const objects = render("-f", file);
      expect(() => readInPod(objects)).not.toThrow();
      for (const [, pod] of podSpecs(objects)) expect(breaches(pod)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
