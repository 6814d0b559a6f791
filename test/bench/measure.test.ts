import { describe, expect, it } from "vitest";
import { broken } from "../../bench/limits.js";
import { measure, type Measured } from "../../bench/measure.js";
import { table } from "../../bench/report.js";
import type { ServerProcess } from "../../bench/server-process.js";
import type { Workload } from "../../bench/workloads.js";

/** A server that takes so many milliseconds of CPU for each load put on it, and notes who was measured when. */
function fakes(costMs: Readonly<Record<string, number>>, failures = 0) {
  const order: string[] = [];
  const servers = new Map<string, ServerProcess>();
  const workloads: Workload[] = Object.entries(costMs).map(([id, ms], at) => {
    let cpu = 0;
    servers.set(id, {
      url: id,
      pid: 0,
      cpuMs: () => cpu,
      rssBytes: () => 0,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
    return {
      id,
      title: `the ${id}`,
      server: id,
      floor: at === 0 ? undefined : Object.keys(costMs)[0],
      run: (_url, seconds) => {
        order.push(`${id} ${seconds}`);
        cpu += ms;
        return Promise.resolve({ requests: 1000, failures, seconds, p50Ms: 1, p99Ms: ms });
      },
    };
  });
  return { workloads, servers, order };
}

const EFFORT = { rounds: 2, seconds: 4, warmUpSeconds: 2 };

describe("measuring side by side", () => {
  it("visits every workload once a round, each warmed up for it", async () => {
    const { workloads, servers, order } = fakes({ floor: 50, ours: 60 });
    await measure(workloads, servers, EFFORT);
    const round = ["floor 1", "floor 4", "ours 1", "ours 4"];
    expect(order).toEqual(["floor 1", "floor 2", "ours 1", "ours 2", ...round, ...round]);
  });

  it("tells rate, CPU for each request, and the ratio to the floor of the same round", async () => {
    const { workloads, servers } = fakes({ floor: 50, ours: 60 });
    const [floor, ours] = await measure(workloads, servers, EFFORT);
    expect(floor).toMatchObject({ cpuMicroseconds: { median: 50 }, cpuRatio: undefined });
    expect(ours).toMatchObject({
      requestsPerSecond: { median: 250 },
      cpuMicroseconds: { median: 60, min: 60, max: 60 },
      cpuRatio: { median: 1.2 },
      rateRatio: { median: 1 },
      p99Ratio: { median: 1.2 },
    });
  });

  it("refuses to call refusals requests", async () => {
    const { workloads, servers } = fakes({ floor: 50 }, 2);
    await expect(measure(workloads, servers, EFFORT)).rejects.toThrow("2 of 1002 requests failed");
  });

  it("prints a row for each workload", async () => {
    const { workloads, servers } = fakes({ floor: 50, ours: 60 });
    const rows = table(await measure(workloads, servers, EFFORT)).split("\n");
    expect(rows).toHaveLength(4);
    expect(rows[3]).toMatch(/the ours +\| 250 +\| 60 .*1\.20 \(1\.20-1\.20\).*the floor/);
  });
});

describe("the check", () => {
  const spread = (median: number) => ({ median, min: median, max: median });
  const result = (id: string, cpu: number): Measured => ({
    id,
    title: id,
    floor: undefined,
    requestsPerSecond: spread(1),
    cpuMicroseconds: spread(cpu),
    p50Ms: spread(1),
    p99Ms: spread(1),
    cpuRatio: undefined,
    rateRatio: undefined,
    p99Ratio: undefined,
  });
  const limits = [{ id: "ours", against: "floor", cpuRatio: 1.2 }];

  it("lets pass what is less than a third beyond its limit", () => {
    expect(broken([result("floor", 100), result("ours", 159)], limits)).toEqual([]);
  });

  it("complains of what is more, and of what was not measured", () => {
    expect(broken([result("floor", 100), result("ours", 161)], limits)).toEqual([
      expect.stringContaining("ours takes 1.61 x the CPU of floor"),
    ]);
    expect(broken([result("floor", 100)], limits)).toHaveLength(1);
  });
});
