/**
 * `npm run bench -- profile [WORKLOAD]`: profiles icemint under one workload (default `form-memory`), keeps the profile as
 * bench/out/WORKLOAD.cpuprofile, and prints what the parts and the functions took. Chrome's developer tools and speedscope
 * draw it.
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { partsOf } from "./cpu-parts.js";
import { readProfile, type Frame } from "./cpu-profile.js";
import { startIcemint } from "./icemint.js";
import { startRedis } from "./redis.js";
import { WORKLOADS } from "./workloads.js";

const WARM_UP_SECONDS = 3;
const SECONDS = 8;
const SHOWN = 40;

export async function profile(id: string): Promise<void> {
  const workload = WORKLOADS.find((known) => known.id === id);
  if (workload === undefined) throw new Error(`no workload ${id}: ${WORKLOADS.map((known) => known.id).join(", ")}`);
  const folder = mkdtempSync(join(tmpdir(), "icemint-bench-"));
  const redis = workload.server === "icemint-redis" ? await startRedis() : undefined;
  const server = await startIcemint({
    folder,
    name: "profiled",
    ...(redis && { redisUrl: redis.url }),
    asModules: true,
    nodeArgs: ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=200"],
  });
  try {
    await workload.run(server.url, WARM_UP_SECONDS);
    await workload.run(server.url, SECONDS);
    process.kill(server.pid, "SIGTERM");
    const file = await profileFile(folder);
    copyFileSync(file, `bench/out/${id}.cpuprofile`);
    const root = readProfile(readFileSync(file, "utf8"));
    for (const [part, share] of partsOf(root)) console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${part}`);
    console.log();
    printHottest(root);
  } finally {
    await server[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }
}

/** The main thread's profile, which is thread 0's (`CPU.<date>.<time>.<process>.<thread>.<number>`): written at its end. */
async function profileFile(folder: string): Promise<string> {
  for (;;) {
    const name = readdirSync(folder).find((file) => /\.0\.\d+\.cpuprofile$/.test(file));
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (name !== undefined) return join(folder, name);
  }
}

/** Prints the functions with the most time of their own. */
function printHottest(root: Frame): void {
  const self = new Map<string, number>();
  const visit = (frame: Frame): void => {
    const name = `${frame.name} ${frame.url.replace(/^.*\/(dist|node_modules)\//, "$1/")}`;
    self.set(name, (self.get(name) ?? 0) + frame.selfMicroseconds);
    frame.children.forEach(visit);
  };
  visit(root);
  const hottest = [...self].toSorted(([, a], [, b]) => b - a).slice(0, SHOWN);
  for (const [name, time] of hottest)
    console.log(`${((time / root.totalMicroseconds) * 100).toFixed(1).padStart(5)} %  ${name}`);
}
