/** How late the event loop runs: the sign of overload that no queue length shows. */
import { monitorEventLoopDelay } from "node:perf_hooks";

/** The event loop's lag. Disposing ends the measuring. */
export interface EventLoopLag extends Disposable {
  /** Mean lag over the last window, in milliseconds. */
  lagMs(): number;
  /** Whether requests should be turned away: the lag of the last window was above the limit. */
  overloaded(): boolean;
}

/** What is measured, in milliseconds. */
export interface EventLoopLagOptions {
  /** Above this mean lag the process is overloaded. */
  readonly limitMs?: number;
  readonly windowMs?: number;
}

const RESOLUTION_MS = 10;
const NANOSECONDS_PER_MS = 1e6;

/** Begins to measure. The timers behind it do not keep the process alive. */
export function watchEventLoop({ limitMs = 200, windowMs = 500 }: EventLoopLagOptions = {}): EventLoopLag {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  let lag = 0;
  const timer = setInterval(() => {
    lag = lagOf(delays.mean / NANOSECONDS_PER_MS);
    delays.reset();
  }, windowMs).unref();
  return {
    lagMs: () => lag,
    overloaded: () => lag > limitMs,
    [Symbol.dispose]() {
      clearInterval(timer);
      delays.disable();
    },
  };
}

/** The mean time between two ticks less the time that there should be; 0 for an empty window, whose mean is NaN. */
export function lagOf(meanMs: number): number {
  return Number.isNaN(meanMs) ? 0 : Math.max(0, meanMs - RESOLUTION_MS);
}
