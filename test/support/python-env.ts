/**
 * A Python with the pinned clients of the tests, made once in a cache folder: `ICEMINT_TEST_CACHE`, or
 * `icemint-test-cache` in the folder for temporary files.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { skipped } from "./tool.js";

const run = promisify(execFile);

const PACKAGES = [
  "pyiceberg==0.12.0",
  "apache-polaris==1.8.0",
  "PyJWT==2.15.1",
  "cryptography==50.0.2",
  "google-auth==2.63.0",
  "requests==2.34.2",
];

/** With PyIceberg, what reads and writes tables. DuckDB's extensions come as packages, each of DuckDB's own version. */
export const TABLE_PACKAGES = [
  "pyarrow==26.0.1",
  "duckdb==1.5.5",
  ...["avro", "httpfs", "iceberg"].map((name) => `duckdb-extension-${name}==1.5.5`),
];
const OLDEST = "3.10";
const INSTALL_WITHIN_MS = 240_000;

/** The interpreter, or the reason why there is none. */
export type PythonEnvironment = { readonly python: string } | { readonly missing: string };

/** Where what takes long to make is kept from run to run. */
export function testCache(): string {
  return process.env["ICEMINT_TEST_CACHE"] || join(tmpdir(), "icemint-test-cache");
}

/**
 * Finds or makes it, with `more` packages. The first time takes half a minute and asks the package index, through pip as it
 * is set up.
 */
export async function pythonEnvironment(...more: readonly string[]): Promise<PythonEnvironment> {
  const packages = [...PACKAGES, ...more];
  const name = `python-${createHash("sha256").update(packages.join("\n")).digest("hex").slice(0, 12)}`;
  const folder = join(testCache(), name);
  const python = join(folder, "bin", "python");
  if (existsSync(python)) return { python };
  try {
    await run("python3", [
      "-c",
      `import sys, venv, ensurepip; assert sys.version_info >= (${OLDEST.replace(".", ", ")})`,
    ]);
  } catch {
    return { missing: skipped(`no python3 (${OLDEST} or later) with venv and pip`) };
  }
  mkdirSync(testCache(), { recursive: true });
  // Made aside and moved: the folder is there whole or not at all, and of several makers one is the first.
  const aside = mkdtempSync(join(testCache(), "making-"));
  try {
    await run("python3", ["-m", "venv", aside]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    await run(join(aside, "bin", "python"), [...pip, ...packages], { timeout: INSTALL_WITHIN_MS });
    if (!existsSync(folder)) renameSync(aside, folder);
    return { python };
  } catch (error) {
    return { missing: skipped(`pip could not install ${packages.join(", ")}: ${String(error).slice(0, 500)}`) };
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}
