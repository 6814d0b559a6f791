/** Measures workloads, interleaved: every round visits each of them once. A slow minute hits all alike. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerProcess } from "./server-process.js";
import type { Workload } from "./workloads.js";
import { spreadOf, type Spread } from "./statistics.js";

export interface Measured {
  readonly id: string;
  readonly title: string;
  readonly requestsPerSecond: Spread;
  /** CPU time of the server's process for each request, in microseconds. */
  readonly cpuMicroseconds: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  readonly floor: string | undefined;
  /** CPU for each request as a multiple of the floor's, in the same round. */
  readonly cpuRatio: Spread | undefined;
  /** Requests per second as a multiple of the floor's, in the same round. */
  readonly rateRatio: Spread | undefined;
  readonly p99Ratio: Spread | undefined;
}

export interface Effort {
  readonly rounds: number;
  /** Of each workload in each round. */
  readonly seconds: number;
  /** Before the first round: the engine compiles what runs often. */
  readonly warmUpSeconds: number;
}

// Compiling goes on for seconds, and its CPU time counts: warm up well.
export const FULL: Effort = { rounds: 5, seconds: 4, warmUpSeconds: 6 };
export const QUICK: Effort = { rounds: 2, seconds: 2, warmUpSeconds: 3 };

const REWARM_SECONDS = 1;
const REST_MS = 200;

interface Sample {
  readonly rate: number;
  readonly cpu: number;
  readonly p50: number;
  readonly p99: number;
}

/** Measures workloads, each on a server of its own that runs already, found by the workload's id. */
export async function measure(
  workloads: readonly Workload[],
  servers: ReadonlyMap<string, ServerProcess>,
  { rounds, seconds, warmUpSeconds }: Effort,
): Promise<readonly Measured[]> {
  const samples = new Map<string, Sample[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const workload of workloads) {
      const server = servers.get(workload.id);
      if (server === undefined) throw new Error(`no server for ${workload.id}`);
      const sample = await once(workload, server, round === 0 ? warmUpSeconds : seconds);
      if (round > 0) samples.set(workload.id, [...(samples.get(workload.id) ?? []), sample]);
    }
  }
  return workloads.map((workload) => summary(workload, samples));
}

async function once({ run, title }: Workload, server: ServerProcess, seconds: number): Promise<Sample> {
  // While the others had their turn this one idled, and V8 gave memory back: it gets a second to find its pace.
  await run(server.url, REWARM_SECONDS);
  await sleep(REST_MS); // its connections end, before others are opened
  const before = server.cpuMs();
  const load = await run(server.url, seconds);
  const cpuMs = server.cpuMs() - before;
  if (load.requests === 0 || load.failures > load.requests / 1000) {
    throw new Error(`${title}: ${load.failures} of ${load.requests + load.failures} requests failed`);
  }
  return {
    rate: load.requests / load.seconds,
    cpu: (cpuMs * 1000) / load.requests,
    p50: load.p50Ms,
    p99: load.p99Ms,
  };
}

function summary({ id, title, floor }: Workload, samples: ReadonlyMap<string, readonly Sample[]>): Measured {
  const own = samples.get(id) ?? [];
  const below = floor === undefined ? undefined : samples.get(floor);
  const spread = (read: (sample: Sample) => number) => spreadOf(own.map(read));
  const ratio = (read: (sample: Sample) => number): Spread | undefined =>
    below &&
    spreadOf(
      own.map((sample, round) => {
        const floorSample = below[round];
        return floorSample === undefined ? Number.NaN : read(sample) / read(floorSample);
      }),
    );
  return {
    id,
    title,
    floor,
    requestsPerSecond: spread((sample) => sample.rate),
    cpuMicroseconds: spread((sample) => sample.cpu),
    p50Ms: spread((sample) => sample.p50),
    p99Ms: spread((sample) => sample.p99),
    cpuRatio: ratio((sample) => sample.cpu),
    rateRatio: ratio((sample) => sample.rate),
    p99Ratio: ratio((sample) => sample.p99),
  };
}
