/**
 * A value, at once or later. Most requests have nothing to wait for, and each `await` would cost them a turn of the
 * queue and garbage.
 */
export type Eventually<T> = T | Promise<T>;

/** Goes on with a value: at once if it is there, as `Promise.then` does if it is not. */
export function andThen<T, U>(value: Eventually<T>, goOn: (value: T) => Eventually<U>): Eventually<U> {
  return value instanceof Promise ? value.then(goOn) : goOn(value);
}

/** `try`, `catch` and `finally` around work that ends at once or later. `lastly` is called once, when it has ended. */
export function attempt<T>(
  work: () => Eventually<T>,
  recover: (thrown: unknown) => T,
  lastly: () => void = () => {},
): Eventually<T> {
  let goesOn = false;
  try {
    const value = work();
    if (!(value instanceof Promise)) return value;
    goesOn = true;
    return value.catch(recover).finally(lastly);
  } catch (thrown) {
    return recover(thrown);
  } finally {
    if (!goesOn) lastly();
  }
}
