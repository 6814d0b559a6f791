/**
 * Measures how late the event loop runs: the sign of overload that no queue length shows. By a timer of our own. Node's
 * `monitorEventLoopDelay` must be reset for every window, and each reset forgets the delay under way: a loop with turns
 * longer than the window would look idle.
 */

/** The event loop's lag. Disposing ends the measuring. */
export interface EventLoopLag extends Disposable {
  /** Mean lag of late, in milliseconds: a single pause of the garbage collector hardly shows. */
  lagMs(): number;
  /** Whether requests should be turned away: the lag is above the limit. */
  overloaded(): boolean;
}

/** In milliseconds. */
export interface EventLoopLagOptions {
  /** Above this mean lag the process is overloaded: Iceberg's Java client begins its second try after 100 ms. */
  readonly limitMs?: number;
  /** A monotonic clock. */
  readonly now?: () => number;
}

const PERIOD_MS = 50;
/** How much the newest lag counts: steady lag shows after four turns, and is forgotten as fast. */
const NEWEST = 0.3;

/** Begins to measure. The timer behind it does not keep the process alive. */
export function watchEventLoop({
  limitMs = 200,
  now = () => performance.now(),
}: EventLoopLagOptions = {}): EventLoopLag {
  let lag = 0;
  let before = now();
  const timer = setInterval(() => {
    const at = now();
    // A process that was frozen and goes on is late once, not overloaded: one turn alone never passes the limit.
    lag += NEWEST * (Math.min(Math.max(0, at - before - PERIOD_MS), 3 * limitMs) - lag);
    before = at;
  }, PERIOD_MS).unref();
  return {
    lagMs: () => lag,
    overloaded: () => lag > limitMs,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
