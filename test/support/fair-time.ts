const TICK_MS = 5;
const LATE_MS = 2;

let fairMs = 0;
let wallMs = performance.now();
let cpu = process.threadCpuUsage();

/**
 * Milliseconds that this thread worked or waited for others. While a busy machine keeps it from running, this clock stands
 * still: a bound that is measured by it is as strict as ever, and a neighbour does not break it. Work of its own counts.
 */
export function fairNow(): number {
  const elapsedMs = performance.now() - wallMs;
  const { user, system } = process.threadCpuUsage(cpu);
  wallMs += elapsedMs;
  cpu = process.threadCpuUsage();
  // Had it been free to run, the ticker had come after TICK_MS, or after the work that kept it.
  fairMs += Math.min(elapsedMs, TICK_MS + LATE_MS + (user + system) / 1000);
  return fairMs;
}

setInterval(fairNow, TICK_MS).unref();
