/**
 * A value, at once or later. Most requests have nothing to wait for, and each `await` would cost them a turn of the
 * queue and garbage. Where a request is on the hot path, what it is about is handed on as a `subject`, so that the
 * functions that work on it are made once, not for each request.
 */
export type Eventually<T> = T | Promise<T>;

/** Goes on with a value: at once if it is there, as `Promise.then` does if it is not. */
export function andThen<T, U>(value: Eventually<T>, goOn: (value: T) => Eventually<U>): Eventually<U>;
export function andThen<T, U, Subject>(
  value: Eventually<T>,
  goOn: (value: T, subject: Subject) => Eventually<U>,
  subject: Subject,
): Eventually<U>;
export function andThen<T, U, Subject>(
  value: Eventually<T>,
  goOn: (value: T, subject?: Subject) => Eventually<U>,
  subject?: Subject,
): Eventually<U> {
  return value instanceof Promise ? value.then((later) => goOn(later, subject)) : goOn(value, subject);
}

/** What is to be done with a subject. */
export interface Attempt<Subject, T> {
  readonly work: (subject: Subject) => Eventually<T>;
  /** In the place of `catch`. */
  readonly recover: (thrown: unknown, subject: Subject) => T;
  /** In the place of `finally`: called once, when the work has ended. */
  readonly lastly?: (subject: Subject) => void;
}

/** `try`, `catch` and `finally` around work that ends at once or later. */
export function attempt<Subject, T>({ work, recover, lastly }: Attempt<Subject, T>, subject: Subject): Eventually<T> {
  let goesOn = false;
  try {
    const value = work(subject);
    if (!(value instanceof Promise)) return value;
    goesOn = true;
    return value.catch((thrown: unknown) => recover(thrown, subject)).finally(() => lastly?.(subject));
  } catch (thrown) {
    return recover(thrown, subject);
  } finally {
    if (!goesOn) lastly?.(subject);
  }
}
