/** What docs/kubernetes.md tells people to write is written here, and must be accepted. */
import { describe, expect, it } from "vitest";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { helm, podSpecs, render } from "./manifest.js";
import { projectRoot } from "../support/tool.js";
import { breaches } from "./restricted.js";
import { readInPod } from "./service-settings.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");
const documents = ["docs/kubernetes.md", "docs/runbook.md"];
const examples = [...read("docs/kubernetes.md").matchAll(/^```yaml title=values\.yaml\n(.*?)^```/gms)].map(
  ([, text = ""]): [string, string] => [text.split("\n", 1).join(), text],
);

/** GitHub's way to make an anchor of a heading. */
const anchors = (path: string): readonly string[] =>
  (read(path).match(/^#+ .*$/gm) ?? []).map((heading) =>
    heading
      .replace(/^#+ /, "")
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
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

describe.each(documents)("%s", (document) => {
  it("links only to what is there", () => {
    const links = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const dead = links.filter((link) => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? document : join(dirname(document), path);
      return anchor === undefined ? read(target) === "" : !anchors(target).includes(anchor);
    });
    expect(dead).toEqual([]);
  });
});
