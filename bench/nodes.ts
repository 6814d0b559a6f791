/** `npm run bench -- nodes`: what the same program costs on this Node and on another, interleaved. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startIcemint } from "./icemint.js";
import { FULL, measure, QUICK } from "./measure.js";
import { table } from "./report.js";
import type { ServerProcess } from "./server-process.js";
import { WORKLOADS, type Workload } from "./workloads.js";

/** The last Node of the line before the floor. Measured only: one packet ends it. */
const OTHER = "22.23.3";
const KINDS = ["form-memory", "grpc", "exchange-memory"];

/** Measures icemint on the other Node as the floor, beside this one, and prints the ratios. */
export async function benchNodes(isQuick: boolean): Promise<void> {
  const nodes = [
    { version: `v${OTHER}`, program: installed(OTHER) },
    { version: process.version, program: process.execPath },
  ];
  const folder = mkdtempSync(join(tmpdir(), "icemint-bench-"));
  const servers = new Map<string, ServerProcess>();
  try {
    const workloads: Workload[] = [];
    for (const { id, title, ...rest } of WORKLOADS.filter((workload) => KINDS.includes(workload.id))) {
      for (const { version, program } of nodes) {
        const name = `${id}-${version}`;
        servers.set(name, await startIcemint({ folder, name, node: program }));
        const floor = program === process.execPath ? `${id}-v${OTHER}` : undefined;
        workloads.push({ ...rest, id: name, title: `${title}, Node ${version}`, floor });
      }
    }
    console.log(`${availableParallelism()} cores, which the load generator shares`);
    console.log(`\n${table(await measure(workloads, servers, isQuick ? QUICK : FULL))}\n`);
  } finally {
    for (const server of servers.values()) await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }
}

/** A Node of its own folder: as a dependency, its `node` would stand in the way of the pinned one. */
function installed(version: string): string {
  const folder = resolve("node_modules/.cache", `node-${version}`);
  const program = join(folder, "node_modules/node/bin/node");
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    const wanted = { private: true, allowScripts: { node: true }, dependencies: { node: version } };
    writeFileSync(join(folder, "package.json"), JSON.stringify(wanted));
    execFileSync("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund"], { stdio: "inherit" });
  }
  const found = execFileSync(program, ["--version"], { encoding: "utf8" }).trim();
  if (found !== `v${version}`) throw new Error(`${program} is ${found}, not v${version}`);
  return program;
}
