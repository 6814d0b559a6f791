/** `npm run release -- --dry-run` in a clone of this checkout, and what it makes, put to use. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { versionOf } from "../../scripts/release/versions.js";
import { cleanEnvironment } from "../support/server-process.js";
import { PATH_WITH_TOOLS, projectRoot, tool } from "../support/tool.js";

const run = promisify(execFile);
const helm = tool("helm");
const version = versionOf(projectRoot);

describe.skipIf(helm.missing)(`a release${helm.reason}`, { timeout: 400_000 }, () => {
  let work: string;
  let clone: string;
  /** Where the parts are. */
  let folder = "";

  const git = (...args: readonly string[]) =>
    run("git", ["-c", "user.name=test", "-c", "user.email=test@example.com", ...args], { cwd: clone });
  const release = (): Promise<{ stdout: string; stderr: string }> =>
    run(process.execPath, ["scripts/release.ts", "--dry-run"], {
      cwd: clone,
      env: cleanEnvironment({ PATH: PATH_WITH_TOOLS }),
    });
  const refusal = async (): Promise<string> => {
    const failed = (await release().catch((error: unknown) => error)) as {
      readonly code: number;
      readonly stderr: string;
    };
    expect(failed.code).toBe(1);
    return failed.stderr;
  };

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), "icemint-released-"));
    clone = join(work, "clone");
    await run("git", ["clone", "--quiet", "--local", projectRoot, clone]);
    // Here it is a link, which the pattern of .gitignore does not cover.
    appendFileSync(join(clone, ".git/info/exclude"), "node_modules\n");
    symlinkSync(join(projectRoot, "node_modules"), join(clone, "node_modules"));
    const { stdout } = await release();
    folder = stdout.split("\n", 1)[0] ?? "";
  }, 400_000);
  afterAll(() => {
    rmSync(work, { recursive: true, force: true });
    if (folder !== "") rmSync(folder, { recursive: true, force: true });
  });

  const sha256 = (name: string): string =>
    createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");

  test("has every part, and a checksum of each", () => {
    const parts = [
      "NOTES.md",
      `icemint-${version}-image-root.tar.gz`,
      `icemint-${version}.cdx.json`,
      `icemint-${version}.tgz`,
      `icemint-chart-${version}.tgz`,
    ];
    expect(readdirSync(folder).toSorted()).toEqual([...parts, "SHA256SUMS"].toSorted());
    const sums = readFileSync(join(folder, "SHA256SUMS"), "utf8").trimEnd().split("\n");
    expect(sums.toSorted()).toEqual(parts.map((name) => `${sha256(name)}  ${name}`).toSorted());
    expect(readFileSync(join(folder, "NOTES.md"), "utf8")).toMatch(/^# icemint .*\n\n## When upgrading\n\n- /);
  });

  test("the package installs without a script and runs by its name", async () => {
    const project = mkdtempSync(join(work, "project-"));
    writeFileSync(join(project, "package.json"), "{}");
    const install = ["install", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"];
    await run("npm", [...install, join(folder, `icemint-${version}.tgz`)], { cwd: project, env: cleanEnvironment() });
    const { stdout } = await run(join(project, "node_modules/.bin/icemint"), ["--version"], {
      env: cleanEnvironment(),
    });
    expect(stdout).toContain(version);
  });

  test("the image's file system runs the command, belongs to root but for the cache, and lists what is in it", async () => {
    const archive = join(folder, `icemint-${version}-image-root.tar.gz`);
    const { stdout: entries } = await run("tar", ["--numeric-owner", "-tvzf", archive], {
      maxBuffer: 64 * 1024 * 1024,
    });
    const foreign = entries.split("\n").filter((line) => line !== "" && !/^\S+ +0\/0 /.test(line));
    expect(foreign).toEqual([expect.stringMatching(/^d\S+ +65532\/65532 .* \.\/var\/cache\/icemint\/$/)]);
    const root = mkdtempSync(join(work, "root-"));
    await run("tar", ["-xzf", archive, "-C", root, "--no-same-owner"]);
    const { stdout } = await run(join(root, "usr/local/bin/node"), [join(root, "app/dist/main.js"), "--version"], {
      env: cleanEnvironment(),
    });
    expect(stdout).toContain(version);
    const bill = readFileSync(join(root, "app/sbom.cdx.json"), "utf8");
    expect(bill).toBe(readFileSync(join(folder, `icemint-${version}.cdx.json`), "utf8"));
    const { components } = JSON.parse(bill) as { readonly components: readonly { readonly name: string }[] };
    const listed = new Set(components.map(({ name }) => name));
    const installed = readdirSync(join(root, "app/node_modules")).filter((name) => !/^[@.]/.test(name));
    expect(installed.length).toBeGreaterThan(5);
    expect(installed.filter((name) => !listed.has(name))).toEqual([]);
    expect(installed).not.toContain("vitest");
  });

  test("the chart's package has the version, and names the image of it", () => {
    const { code, output } = helm.run(
      "template",
      "x",
      join(folder, `icemint-chart-${version}.tgz`),
      "--set",
      "config.issuer=https://tokens.example.com",
    );
    expect({ code, image: /image: "([^"]+)"/.exec(output)?.[1] }, output).toEqual({
      code: 0,
      image: `icemint:${version}`,
    });
  });

  test("is refused while something is not committed", async () => {
    writeFileSync(join(clone, "odd.txt"), "");
    expect(await refusal()).toContain("not committed: ?? odd.txt");
    rmSync(join(clone, "odd.txt"));
  });

  test("is refused when a public name changed and CHANGELOG.md does not say so", async () => {
    const page = join(clone, "docs/configuration.md");
    writeFileSync(page, readFileSync(page, "utf8").replace("| `limits.max_in_flight`", "| `limits.zzz_at_once`"));
    await git("commit", "--quiet", "--all", "--message", "a name changes");
    const said = await refusal();
    expect(said).toContain("CHANGELOG.md does not mention a public name: new: setting limits.zzz_at_once");
    expect(said).toContain("gone: setting limits.max_in_flight");
    await git("reset", "--quiet", "--hard", "HEAD^");
  });
});
