/**
 * A value, at once or later. Most requests have nothing to wait for, and each `await` would cost them a turn of the
 * queue and garbage.
 */
export type Eventually<T> = T | Promise<T>;

/** Goes on with a value: at once if it is there, as `Promise.then` does if it is not. */
export function andThen<T, U>(value: Eventually<T>, goOn: (value: T) => Eventually<U>): Eventually<U> {
  return value instanceof Promise ? value.then(goOn) : goOn(value);
}
