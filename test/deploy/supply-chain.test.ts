/** Nothing gets into the product that a lock file does not name by its digest. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { projectRoot } from "../support/tool.js";

const read = (path: string): string => readFileSync(join(projectRoot, path), "utf8");
const manifest = z
  .object({
    dependencies: z.record(z.string(), z.string()),
    devDependencies: z.record(z.string(), z.string()),
    allowScripts: z.record(z.string(), z.boolean()),
  })
  .parse(JSON.parse(read("package.json")));
const lock = z
  .object({
    lockfileVersion: z.literal(3),
    packages: z.record(
      z.string(),
      z.object({
        version: z.string(),
        integrity: z.string().optional(),
        dev: z.boolean().optional(),
        hasInstallScript: z.boolean().optional(),
        license: z.string().optional(),
      }),
    ),
  })
  .parse(JSON.parse(read("package-lock.json")));
const installed = Object.entries(lock.packages)
  .filter(([path]) => path !== "")
  .map(([path, entry]) => ({ ...entry, name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length) }));
const LICENCES: ReadonlySet<string> = new Set(["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause"]);
const inProduct = installed.filter(({ dev }) => dev !== true);

describe("the packages that are installed", () => {
  it("are each named by one version, and the lock file has a digest of it", () => {
    expect(installed.length).toBeGreaterThan(100);
    for (const { name, integrity } of installed) {
      expect([name, integrity]).toEqual([name, expect.stringMatching(/^sha512-[\w+/]{86}==$/)]);
    }
    for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  it("run no script of their own, unless package.json allows it by name", () => {
    const scripted = installed.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name);
    for (const name of scripted)
      expect([name, Object.keys(manifest.allowScripts)]).toEqual([name, expect.arrayContaining([name])]);
    expect(inProduct.filter(({ hasInstallScript }) => hasInstallScript)).toEqual([]);
  });

  it("are at work in the product only if they are few, under a licence that allows it", () => {
    expect(inProduct.length).toBeLessThanOrEqual(40);
    for (const { name, license = "none" } of inProduct) {
      const licences = license.match(/[\w.-]+/g)?.filter((word) => word !== "AND" && word !== "OR") ?? [];
      expect([name, licences.filter((licence) => !LICENCES.has(licence))]).toEqual([name, []]);
    }
  });
});

describe("what is built", () => {
  it("is installed from the lock file alone, without scripts of packages", () => {
    const installs = read("deploy/Dockerfile").match(/\bnpm (ci|install|i|add|exec)\b.*$|\bnpx\b.*$/gm) ?? [];
    expect(installs.length).toBeGreaterThan(1);
    for (const install of installs) expect(install).toMatch(/^npm ci .*--ignore-scripts/);
    expect(read(".ci/run")).toMatch(/\bnpm ci\b/);
    expect(read(".ci/run")).not.toMatch(/\bnpm (install|i|add)\b/);
  });
});
