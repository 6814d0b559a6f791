/**
 * Waits for a promise that cannot be aborted, such as one of a caller's own function. Rejects when the time is up or
 * the signal aborts.
 */
export async function within<T>(ms: number, signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const given = Promise.withResolvers<never>();
  const timer = setTimeout(() => given.reject(new Error(`not within ${ms} ms`)), ms);
  const end = (): void => given.reject(signal.reason);
  signal.addEventListener("abort", end);
  try {
    return await Promise.race([promise, given.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
