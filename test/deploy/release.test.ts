/** What `npm run release` checks before it makes anything, on this checkout and on planted faults. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { notesOf, releaseNotes } from "../../scripts/release/changelog.js";
import { publicNames, unmentionedNames } from "../../scripts/release/public-names.js";
import { versionOf, versionProblems } from "../../scripts/release/versions.js";
import { projectRoot } from "../support/tool.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");
const version = versionOf(projectRoot);
const names = publicNames(projectRoot);
const released = read("scripts/release/released-names.txt").split("\n").filter(Boolean);

describe("public names", () => {
  test("each kind is found", () => {
    expect(names).toEqual(
      expect.arrayContaining([
        "command client new",
        "variable ICEMINT_REDIS_URL",
        "setting tokens.access_ttl",
        "setting clients[].scopes.allowed",
        "edge inbound.audience",
        "metric icemint_requests_total",
        "reason REQUEST_MALFORMED",
        "finding EXPIRES_IN_MISSING",
        "entry ./verifier",
      ]),
    );
  });

  test("each that came or went since the last release stands in CHANGELOG.md", () => {
    const notes = notesOf(read("CHANGELOG.md"), version)?.text ?? "";
    expect(unmentionedNames(released, names, notes), "name them, in code marks, in CHANGELOG.md").toEqual([]);
  });

  test("one that came or went is told unless the notes name it in code, or the group of settings that it is of", () => {
    const before = ["setting tokens.access_ttl", "metric icemint_old_total"];
    const after = ["setting tokens.ttl", "setting edge.listen", "command ask"];
    const all = ["gone: setting tokens.access_ttl", "gone: metric icemint_old_total", "new: setting tokens.ttl"];
    const rest = ["new: setting edge.listen", "new: command ask"];
    expect(unmentionedNames(before, after, "access_ttl, ask and edge.listen have changed")).toEqual([...all, ...rest]);
    expect(unmentionedNames(before, after, "`tokens.ttl` replaces `tokens.access_ttl`; `edge`; `icemint ask`")).toEqual(
      ["gone: metric icemint_old_total"],
    );
  });
});

describe("one version", () => {
  test("is the package's, the chart's, and that of the image that chart and manifests name", () => {
    expect(versionProblems(projectRoot)).toEqual([]);
  });

  test.each([
    ["deploy/helm/icemint/Chart.yaml", `\nversion: ${version}`, "\nversion: 9.9.9", "the chart's version is"],
    ["deploy/helm/icemint/Chart.yaml", `appVersion: ${version}`, "appVersion: 9.9.9", "the chart's appVersion is"],
    ["deploy/helm/icemint/values.yaml", '  tag: "" ', '  tag: "old" ', "the tag in the chart's values is"],
    ["deploy/kustomize/icemint.yaml", `icemint:${version}`, "icemint:9.9.9", "an image in deploy/kustomize is"],
  ])("a fault in %s is told", (path, right, wrong, problem) => {
    const folder = mkdtempSync(join(tmpdir(), "icemint-versions-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const files = ["package.json", "deploy/helm/icemint/Chart.yaml", "deploy/helm/icemint/values.yaml"];
    for (const file of [...files, "deploy/kustomize/icemint.yaml"]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      cpSync(join(projectRoot, file), join(folder, file));
    }
    const text = readFileSync(join(folder, path), "utf8");
    expect(text).toContain(right);
    writeFileSync(join(folder, path), text.replace(right, wrong));
    expect(versionProblems(folder)).toEqual([expect.stringContaining(problem)]);
  });
});

describe("notes", () => {
  const changelog =
    "# Changelog\n\n## [2.0.0] - 2026-12-01\n\n### Added\n\n- One\n  thing.\n- Another. **When upgrading:** do\n  this.\n\n### Fixed\n\n- A fault.\n\n## [1.0.0] - 2026-01-01\n\n- Old.\n";

  test("are the section of one version", () => {
    expect(notesOf(changelog, "1.0.0")).toEqual({ date: "2026-01-01", text: "- Old." });
    expect(notesOf(changelog, "2.0.0")?.text).not.toContain("Old");
    expect(notesOf(changelog, "3.0.0")).toBeUndefined();
  });

  test("begin with what to do when upgrading, each entry whole", () => {
    const notes = releaseNotes("2.0.0", notesOf(changelog, "2.0.0") ?? expect.fail());
    expect(notes).toContain("## When upgrading\n\n- Another. **When upgrading:** do\n  this.\n\n## Changes\n");
    expect(releaseNotes("1.0.0", notesOf(changelog, "1.0.0") ?? expect.fail())).toContain("Nothing to do.");
  });
});
