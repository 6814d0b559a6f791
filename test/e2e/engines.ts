/**
 * Clients in languages that a machine may lack, and that take long: ICEMINT_TEST_ENGINES names those that are wanted (all if
 * it is not set). Each is built once into the test cache, under a name made of its sources.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { testCache } from "../support/python-env.js";
import { skipped } from "../support/tool.js";

const run = promisify(execFile);

const BUILD_WITHIN_MS = 1_500_000;

/** How to start the clients, or the reason why they cannot be. */
export type Engine = { readonly command: string; readonly args: readonly string[] } | { readonly missing: string };

/** Java's: a JDK from 17 and Maven. */
export function javaEngine(): Promise<Engine> {
  return engine("java", ["javac", "mvn"], (source, built) => compiled(source, built, "e2e.Clients"));
}

/** Programs with Iceberg's own code: its REST catalog, or its Java client with tables. */
export function icebergEngine(program: "Catalog" | "Tables"): Promise<Engine> {
  return engine("iceberg", ["javac", "mvn"], (source, built) => compiled(source, built, `e2e.${program}`));
}

/** Kafka's client library, with a program of one file that Java compiles when it runs it. */
export function kafkaEngine(): Promise<Engine> {
  return engine("kafka", ["java", "mvn"], async (source, built) => {
    const classpath = `${built}.classpath`;
    if (!existsSync(classpath)) {
      const output = `-Dmdep.outputFile=${classpath}`;
      await nicely("mvn", ["-q", "-B", "-f", join(source, "pom.xml"), "dependency:build-classpath", output]);
    }
    const path = readFileSync(classpath, "utf8");
    return { command: "java", args: ["-Xmx160m", "-cp", path, join(source, "Retrieve.java")] };
  });
}

/** Go's: Iceberg and OpenID Connect. */
export function goEngine(): Promise<Engine> {
  return engine("go", ["go"], buildGo);
}

/** Go's: grpc-go's STS client, x/oauth2 and Prometheus. A module of its own: it builds in seconds. */
export function goTokensEngine(): Promise<Engine> {
  return engine("go", ["go"], buildGo, "go-tokens");
}

async function buildGo(source: string, program: string): Promise<Engine> {
  if (!existsSync(program)) await nicely("go", ["build", "-C", source, "-p", "1", "-o", program, "."]);
  return { command: program, args: [] };
}

/** The Model Context Protocol's SDK for Node. No lock file: the version that matters is exact. */
export function mcpEngine(): Promise<Engine> {
  return engine("mcp", ["npm"], async (source, folder) => {
    // npm writes it last.
    if (!existsSync(join(folder, "node_modules", ".package-lock.json"))) {
      cpSync(source, folder, { recursive: true });
      const install = ["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"];
      const failed = await nicely("npm", install).then(() => undefined, String);
      if (failed !== undefined) return { missing: skipped(`npm could not install it: ${failed.slice(0, 500)}`) };
    }
    return { command: process.execPath, args: [join(folder, "clients.mjs")] };
  });
}

/** Rust's. The first build takes ten minutes on one core. */
export function rustEngine(): Promise<Engine> {
  return engine("rust", ["cargo"], (source) => buildRust(source, "rust", "icemint-e2e"));
}

/** Rust's: jsonwebtoken. A crate of its own, so that it builds in a minute. */
export function jsonwebtokenEngine(): Promise<Engine> {
  const folder = "jsonwebtoken";
  return engine("rust", ["cargo"], (source) => buildRust(source, folder, "icemint-jsonwebtoken"), folder);
}

/** No lock file: the versions that matter are exact. One target folder for all versions of the sources: cargo knows what is stale. */
async function buildRust(source: string, folder: string, program: string): Promise<Engine> {
  const target = join(testCache(), folder);
  const manifest = join(source, "Cargo.toml");
  await nicely("cargo", ["build", "-q", "-j", "1", "--manifest-path", manifest, "--target-dir", target]);
  return { command: join(target, "debug", program), args: [] };
}

async function compiled(source: string, built: string, main: string): Promise<Engine> {
  const classpath = join(built, "classpath.txt");
  if (!existsSync(classpath)) {
    await nicely("mvn", ["-q", "-B", "-f", join(source, "pom.xml"), `-Dicemint.target=${built}`, "compile"]);
  }
  const small = ["-Xmx160m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
  const path = `${join(built, "classes")}:${readFileSync(classpath, "utf8")}`;
  return { command: "java", args: [...small, "-cp", path, main] };
}

async function engine(
  language: string,
  tools: readonly string[],
  build: (source: string, built: string) => Promise<Engine>,
  folder = language,
): Promise<Engine> {
  const wanted = process.env["ICEMINT_TEST_ENGINES"] ?? "java iceberg go rust kafka mcp";
  if (!wanted.split(" ").includes(language)) return { missing: skipped(`not in ICEMINT_TEST_ENGINES='${wanted}'`) };
  for (const tool of tools) {
    const found = await run("sh", ["-c", `command -v ${tool}`]).catch(() => undefined);
    if (found === undefined) return { missing: skipped(`no ${tool}: it comes with ${language}`) };
  }
  const source = join(import.meta.dirname, folder);
  mkdirSync(testCache(), { recursive: true });
  return build(source, join(testCache(), `${folder}-${digestOf(source)}`));
}

function nicely(command: string, args: readonly string[]): Promise<unknown> {
  return run("nice", [command, ...args], { timeout: BUILD_WITHIN_MS, maxBuffer: 64 * 1024 * 1024 });
}

function digestOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted();
  const hash = createHash("sha256");
  for (const name of files) {
    const path = join(folder, name);
    if (statSync(path).isFile()) hash.update(name).update(readFileSync(path));
  }
  return hash.digest("hex").slice(0, 12);
}
