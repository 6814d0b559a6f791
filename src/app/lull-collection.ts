/**
 * V8 collects garbage when memory is asked for. A server that was flooded and is then left alone asks for none, and would
 * keep for hours what the flood has cost. So it collects in a lull.
 */
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Collector } from "../transport/under-way.js";

const LOOK_EVERY_MS = 5000;
/** A collection pauses the process for tens of milliseconds. It must not run while requests wait, and not often. */
const IDLE_UTILIZATION = 0.1;
const PAUSE_LOOKS = 2;
const MIB = 1024 * 1024;
const GROWN_BYTES = 24 * MIB;
/** A collection that frees this much is followed by another: V8 frees parts outside of it one collection later. */
const WORTHWHILE_BYTES = 4 * MIB;

export interface LullOptions {
  /** What the process holds, in bytes. */
  readonly residentBytes?: () => number;
  /** The share of the time since the last look in which the event loop was busy, from 0 to 1. */
  readonly utilization?: () => number;
  readonly collect: () => void;
}

/** Collects when the process has grown by 24 MiB and has nothing to do, until nothing more comes of it. */
export function collectInLulls({
  residentBytes = () => process.memoryUsage.rss(),
  utilization = loopUtilization(),
  collect,
}: LullOptions): Disposable {
  let least = Infinity;
  let looks = 0;
  const timer = setInterval(() => {
    looks += 1;
    const isIdle = utilization() <= IDLE_UTILIZATION;
    const before = residentBytes();
    least = Math.min(least, before);
    if (!isIdle || before - least < GROWN_BYTES || looks < PAUSE_LOOKS) return;
    looks = 0;
    collect();
    const after = residentBytes();
    if (before - after < WORTHWHILE_BYTES) least = after;
  }, LOOK_EVERY_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Node's own. */
export function nodeCollector(): Collector {
  setFlagsFromString("--expose-gc");
  const collect: NodeJS.GCFunction = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  return {
    all: () => collect({ type: "major", execution: "sync", flavor: "last-resort" }),
    young: () => collect({ type: "minor", execution: "sync" }),
  };
}

/** How busy the event loop was since the last call, from 0 to 1. */
function loopUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const before = last;
    last = performance.eventLoopUtilization();
    return performance.eventLoopUtilization(last, before).utilization;
  };
}
