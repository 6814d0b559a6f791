/**
 * `npm run bench`: starts every contender in a process of its own, measures them side by side and prints a table.
 *
 * --quick   fewer and shorter rounds, about a minute
 * --check   what CI runs: the essential ratios, exit code 1 if one is a third beyond its limit
 * --only X  workloads whose id contains X (may be given several times), and their floors
 * --json F  writes the result to a file as well
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startIcemint } from "./icemint.js";
import { broken } from "./limits.js";
import { measure, type Effort } from "./measure.js";
import { startRedis } from "./redis.js";
import { table } from "./report.js";
import { startServer, type ServerProcess } from "./server-process.js";
import { WORKLOADS, type ServerName, type Workload } from "./workloads.js";

const FULL: Effort = { rounds: 5, seconds: 4, warmUpSeconds: 3 };
const QUICK: Effort = { rounds: 2, seconds: 2, warmUpSeconds: 1 };

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    json: { type: "string" },
  },
});

/** The workloads asked for, and those that they are compared with. */
function chosen(): readonly Workload[] {
  const wanted = WORKLOADS.filter(
    ({ id, checked }) =>
      (!flags.check || checked === true) && (flags.only.length === 0 || flags.only.some((part) => id.includes(part))),
  );
  const ids = new Set(wanted.flatMap(({ id, floor }) => (floor === undefined ? [id] : [id, floor])));
  return WORKLOADS.filter(({ id }) => ids.has(id));
}

const folder = mkdtempSync(join(tmpdir(), "icemint-bench-"));

/** Starts one contender; undefined if it needs a Redis that is not installed. */
async function start(name: ServerName, running: AsyncDisposable[]): Promise<ServerProcess | undefined> {
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

/** Starts what the workloads need, measures them, and reports. */
async function bench(running: AsyncDisposable[]): Promise<void> {
  const servers = new Map<ServerName, ServerProcess>();
  let workloads = chosen();
  for (const name of new Set(workloads.map(({ server }) => server))) {
    const server = await start(name, running);
    if (server === undefined) {
      console.log("Redis is not installed: its rows are left out.");
      workloads = workloads.filter((workload) => workload.server !== name);
      continue;
    }
    running.push(server);
    servers.set(name, server);
  }
  const effort = flags.quick || flags.check ? QUICK : FULL;
  const minutes = ((effort.rounds * effort.seconds + effort.warmUpSeconds) * workloads.length) / 60;
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "CPU"}, ${minutes.toFixed(1)} min`);
  const results = await measure(workloads, servers, effort);
  console.log(`\n${table(results)}\n`);
  if (flags.json !== undefined) {
    writeFileSync(flags.json, `${JSON.stringify({ node: process.version, results }, null, 2)}\n`);
  }
  if (!flags.check) return;
  const complaints = broken(results);
  for (const complaint of complaints) console.error(complaint);
  process.exitCode = complaints.length === 0 ? 0 : 1;
}

const running: AsyncDisposable[] = [];
try {
  await bench(running);
} finally {
  for (const one of running.toReversed()) await one[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}
