/** The table of `npm run bench`: every contender in a process of its own, measured side by side. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { startIcemint } from "./icemint.js";
import { broken } from "./limits.js";
import { FULL, measure, QUICK } from "./measure.js";
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

/**
 * Starts a server for each workload: what code is compiled for depends on what it was asked before. Without a Redis its
 * workloads are left out.
 */
async function startAll(workloads: readonly Workload[], folder: string, running: AsyncDisposable[]) {
  const servers = new Map<string, ServerProcess>();
  const redis = workloads.some(({ server }) => server === "icemint-redis") ? await startRedis() : undefined;
  if (redis !== undefined) running.push(redis);
  const started = workloads.filter(({ server }) => server !== "icemint-redis" || redis !== undefined);
  if (started.length < workloads.length) console.log("Redis is not installed: its rows are left out.");
  for (const { id, server: name } of started) {
    const server = await start(name, id, folder, redis?.url);
    running.push(server);
    servers.set(id, server);
  }
  return { servers, workloads: started };
}

function start(name: string, id: string, folder: string, redisUrl: string | undefined): Promise<ServerProcess> {
  if (name === "icemint-memory") return startIcemint({ folder, name: id });
  if (name === "icemint-redis") return startIcemint({ folder, name: id, ...(redisUrl && { redisUrl }) });
  const script = new URL(`./contenders/${name}.js`, import.meta.url).pathname;
  return startServer({ args: [script], logFile: join(folder, `${id}.log`) });
}
