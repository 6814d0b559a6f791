/** Waits, but not past the end of a signal. Never rejects, and keeps no process alive. */
export function pause(forMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, forMs).unref();
    signal.addEventListener("abort", done);
  });
}
