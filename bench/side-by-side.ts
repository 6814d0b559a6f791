/** The table of `npm run bench`: every contender in a process of its own, measured side by side. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { startIcemint } from "./icemint.js";
import { broken } from "./limits.js";
import { measure, type Effort } from "./measure.js";
import { startRedis } from "./redis.js";
import { table } from "./report.js";
import { startServer, type ServerProcess } from "./server-process.js";
import { WORKLOADS, type Workload } from "./workloads.js";

/** What to measure, and how thoroughly. */
export interface SideBySideOptions {
  /** Fewer and shorter rounds. */
  readonly quick: boolean;
  /** The essential workloads only, briefly, and judged by their limits. */
  readonly check: boolean;
  /** Parts of workload ids; empty: all. */
  readonly only: readonly string[];
  /** A file for the result. */
  readonly json: string | undefined;
}

// Compiling goes on for seconds, and its CPU time counts: warm up well.
const FULL: Effort = { rounds: 5, seconds: 4, warmUpSeconds: 6 };
const QUICK: Effort = { rounds: 2, seconds: 2, warmUpSeconds: 3 };

/** Starts, measures, prints. Answers what is beyond its limit, if that is to be checked. */
export async function sideBySide(options: SideBySideOptions): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "icemint-bench-"));
  const running: AsyncDisposable[] = [];
  try {
    const { workloads, servers } = await startAll(chosen(options), folder, running);
    const effort = options.quick || options.check ? QUICK : FULL;
    const minutes = ((effort.rounds * effort.seconds + effort.warmUpSeconds) * workloads.length) / 60;
    console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "CPU"}, ${minutes.toFixed(1)} min`);
    const results = await measure(workloads, servers, effort);
    console.log(`\n${table(results)}\n`);
    if (options.json !== undefined) {
      writeFileSync(options.json, `${JSON.stringify({ node: process.version, results }, null, 2)}\n`);
    }
    return options.check ? broken(results) : [];
  } finally {
    for (const one of running.toReversed()) await one[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }
}

/** The workloads asked for, and those that they are compared with. */
function chosen({ check, only }: SideBySideOptions): readonly Workload[] {
  const wanted = WORKLOADS.filter(
    ({ id, checked }) => (!check || checked === true) && (only.length === 0 || only.some((part) => id.includes(part))),
  );
  const ids = new Set(wanted.flatMap(({ id, floor }) => (floor === undefined ? [id] : [id, floor])));
  return WORKLOADS.filter(({ id }) => ids.has(id));
}

/** Starts every server that the workloads need; without a Redis its workloads are left out. */
async function startAll(workloads: readonly Workload[], folder: string, running: AsyncDisposable[]) {
  const servers = new Map<string, ServerProcess>();
  for (const name of new Set(workloads.map(({ server }) => server))) {
    const server = await start(name, folder, running);
    if (server === undefined) {
      console.log("Redis is not installed: its rows are left out.");
      continue;
    }
    running.push(server);
    servers.set(name, server);
  }
  return { servers, workloads: workloads.filter(({ server }) => servers.has(server)) };
}

/** Starts one contender; undefined if it needs a Redis that is not installed. */
async function start(name: string, folder: string, running: AsyncDisposable[]): Promise<ServerProcess | undefined> {
  if (name === "icemint-memory") return startIcemint({ folder, name });
  if (name !== "icemint-redis") {
    const script = new URL(`./contenders/${name}.js`, import.meta.url).pathname;
    return startServer({ args: [script], logFile: join(folder, `${name}.log`) });
  }
  const redis = await startRedis();
  if (redis === undefined) return undefined;
  running.push(redis);
  return startIcemint({ folder, name, redisUrl: redis.url });
}
