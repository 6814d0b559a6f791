import { describe, expect, it } from "vitest";
import { partsOf } from "../../bench/cpu-parts.js";
import { readProfile } from "../../bench/cpu-profile.js";
import { framed, readLog } from "../../bench/load-grpc.js";
import { cpuMsOf, parsePsTime } from "../../bench/server-process.js";
import { plotSvg } from "../../bench/svg-plot.js";

describe("what the bench reads", () => {
  it("is h2load's log: start, status and microseconds of each call", () => {
    const log = "1700000000000000\t200\t1500\n1700000000000001\t200\t500\n1700000000000002\t503\t90\n1\t-1\t1\n";
    expect(readLog(log, 2)).toEqual({ requests: 2, failures: 2, seconds: 2, p50Ms: 1.5, p99Ms: 1.5 });
  });

  it("is the CPU time of ps, with and without hours and days", () => {
    expect(parsePsTime(" 0:01.25\n")).toBe(1250);
    expect(parsePsTime("01:02:03")).toBe(3_723_000);
    expect(parsePsTime("2-00:00:01")).toBe(172_801_000);
  });

  it("is the CPU time of a running process", () => {
    const before = cpuMsOf(process.pid);
    const until = performance.now() + 60;
    while (performance.now() < until);
    expect(cpuMsOf(process.pid)).toBeGreaterThan(before);
  });

  it("is a CPU profile, idle time left out", () => {
    const node = (id: number, functionName: string, children: number[] = []) => ({
      id,
      callFrame: { functionName, url: "" },
      children,
    });
    const root = readProfile(
      JSON.stringify({
        nodes: [node(1, "(root)", [2, 3]), node(2, "(idle)"), node(3, "serve", [4]), node(4, "sign")],
        samples: [2, 3, 4, 4],
        timeDeltas: [1000, 10, 20, 30],
      }),
    );
    expect(root).toMatchObject({
      totalMicroseconds: 60,
      children: [{ name: "serve", selfMicroseconds: 10, totalMicroseconds: 60 }],
    });
  });
});

describe("the parts of a request's cost", () => {
  const frame = (name: string, url: string, selfMicroseconds: number) => ({
    name,
    url,
    selfMicroseconds,
    totalMicroseconds: selfMicroseconds,
    children: [],
  });

  it("are told by the functions that took the time, the largest first", () => {
    const children = [
      frame("signOneShot", "node:internal/crypto/sig", 50),
      frame("parse", "file:///x/node_modules/@bufbuild/protobuf/dist/esm/a.js", 5),
      frame("token", "file:///x/dist/grants/token-endpoint.js", 10),
      frame("emit", "node:events", 35),
    ];
    expect(partsOf({ ...frame("(root)", "", 0), totalMicroseconds: 100, children })).toEqual([
      ["signature", 0.5],
      ["Node: HTTP/1.1, HTTP/2, streams, events", 0.35],
      ["icemint: clients, grants, tokens, keys", 0.1],
      ["protobuf and Connect", 0.05],
      [expect.stringContaining("the rest"), 0],
    ]);
  });
});

describe("what the bench writes", () => {
  it("frames a gRPC message", () => {
    expect(framed(Uint8Array.of(7, 8))).toEqual(Buffer.from([0, 0, 0, 0, 2, 7, 8]));
  });

  it("draws a mark for each size", () => {
    const points = [1, 10, 100].map((x) => ({ x, y: 1, low: 0.9, high: 1.1 }));
    const svg = plotSvg({ title: "t", xLabel: "clients", yLabel: "y", xScale: "logarithmic", points });
    expect(svg.match(/<circle/g)).toHaveLength(3);
    expect(svg).toContain('cx="64.0"');
    expect(svg).toContain('cx="616.0"');
  });
});
