import type { Eventually } from "../oauth/eventually.js";

/** So many are not kept waiting for more, nor are so many kept: a client may send its next requests before any answer. */
const MOST = 16;

/** A request, and the work on it, which returns what replies to it, or undefined if there is no answer yet. */
interface Task<Request> {
  readonly request: Request;
  readonly run: () => (() => void) | undefined;
}

/** Told of a request whose work or reply threw: it is the only one of its batch that fails. */
export type FailedTask<Request> = (request: Request, error: unknown) => void;

/**
 * What the requests of one turn of the event loop ask for, done together at its end: first the work of all, then the
 * replies to all. One request from beginning to end after the other costs up to twice as much under load
 * (docs/performance.md): each reply wakes its reader by itself, clients that are answered one by one come back one by one,
 * each to a turn of its own, and each finds the processor's caches filled by what came between. A request that comes alone
 * waits for nobody.
 */
export class Turn<Request> {
  readonly #onFailure: FailedTask<Request>;
  #tasks: Task<Request>[] = [];

  constructor(onFailure: FailedTask<Request>) {
    this.#onFailure = onFailure;
  }

  /**
   * Works at the end of the turn, and replies with that turn's others; if the answer comes later, with those that come
   * with it. What either function throws, or a rejected answer, fails this request alone.
   */
  add<Answer>(request: Request, work: () => Eventually<Answer>, reply: (answer: Answer) => void): void {
    const run = () => {
      const answer = work();
      if (!(answer instanceof Promise)) return () => reply(answer);
      answer.then(
        (late) => this.#push({ request, run: () => () => reply(late) }),
        (error: unknown) => this.#onFailure(request, error),
      );
      return undefined;
    };
    this.#push({ request, run });
  }

  #push(task: Task<Request>): void {
    const waiting = this.#tasks.push(task);
    if (waiting === MOST) this.#end();
    else if (waiting === 1) setImmediate(() => this.#end());
  }

  #end(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    const replies = tasks.map((task) => this.#guard(task.request, task.run));
    for (let at = 0; at < tasks.length; at++) {
      const reply = replies[at];
      const task = tasks[at];
      if (reply !== undefined && task !== undefined) this.#guard(task.request, reply);
    }
  }

  #guard<Result>(request: Request, step: () => Result): Result | undefined {
    try {
      return step();
    } catch (error) {
      this.#onFailure(request, error);
      return undefined;
    }
  }
}
