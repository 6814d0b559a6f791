/** `npm run bench -- workers`: what `serve --workers 2` brings on two cores. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { startIcemint } from "./icemint.js";
import { FULL, measure } from "./measure.js";
import { startRedis } from "./redis.js";
import { table } from "./report.js";
import type { ServerProcess } from "./server-process.js";
import { WORKLOADS, type Workload } from "./workloads.js";

const COUNTS = [1, 2];
const KINDS = ["form-redis", "exchange-redis"];

/** Measures one worker beside two, and prints the ratios. The load generator runs on the same cores. */
export async function benchWorkers(): Promise<void> {
  await using redis = await startRedis();
  if (redis === undefined) throw new Error("no redis-server on the PATH");
  const folder = mkdtempSync(join(tmpdir(), "icemint-bench-"));
  const servers = new Map<string, ServerProcess>();
  try {
    const workloads: Workload[] = [];
    for (const { id, title, ...rest } of WORKLOADS.filter((workload) => KINDS.includes(workload.id))) {
      for (const count of COUNTS) {
        const name = `${id}-${count}`;
        const serveArgs = ["--workers", String(count)];
        servers.set(name, await startIcemint({ folder, name, redisUrl: redis.url, serveArgs }));
        const floor = count === COUNTS[0] ? undefined : `${id}-${COUNTS[0]}`;
        workloads.push({ ...rest, id: name, title: `${title}, ${count} worker${count === 1 ? "" : "s"}`, floor });
      }
    }
    console.log(`Node ${process.version}, ${availableParallelism()} cores, which the load generator shares`);
    console.log(`\n${table(await measure(workloads, servers, FULL))}\n`);
  } finally {
    for (const server of servers.values()) await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }
}
