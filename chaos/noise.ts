/** What the machine itself adds to every time that is measured on it. */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const SAMPLE_MS = 100;
/** Waits are added up over this: an answer that is late may have waited more than once. */
const WINDOW_SAMPLES = 6;
const NS_PER_MS = 1e6;

/** Noise that is being watched. */
export interface NoiseWatch {
  /** Ends it. The worst so far, in milliseconds. */
  stop(): number;
}

/**
 * Watches how long this process was late, and how long others, ready to run, waited for a processor within half a
 * second (Linux says so; elsewhere only this process counts). No answer can be promised faster than that.
 */
export function watchNoise(pids: () => readonly number[]): NoiseWatch {
  const own = monitorEventLoopDelay({ resolution: 5 });
  own.enable();
  const samples = new Map<number, number[]>();
  let worstMs = 0;
  const timer = setInterval(() => {
    for (const pid of pids()) {
      const waits = [...(samples.get(pid) ?? []), waitedMs(pid)].slice(-WINDOW_SAMPLES);
      samples.set(pid, waits);
      worstMs = Math.max(worstMs, (waits.at(-1) ?? 0) - (waits[0] ?? 0));
    }
  }, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      own.disable();
      return Math.max(worstMs, own.max / NS_PER_MS);
    },
  };
}

/** How long a process's main thread has waited for a processor since it began; 0 if that cannot be known. */
function waitedMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / NS_PER_MS;
  } catch {
    return 0; // not Linux, or the process has ended
  }
}
