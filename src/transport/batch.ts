import type { Eventually } from "../oauth/eventually.js";

/** So many are not kept waiting for more, nor are so many kept: a client may send its next requests before any answer. */
const MOST = 16;

/** Works on a request. Returns what replies to it, or undefined if there is no answer yet. */
type Task = () => (() => void) | undefined;

/**
 * What the requests of one turn of the event loop ask for, done together at its end: first the work of all, then the
 * replies to all. One request from beginning to end after the other costs up to twice as much under load
 * (docs/performance.md): each reply wakes its reader by itself, clients that are answered one by one come back one by one,
 * each to a turn of its own, and each finds the processor's caches filled by what came between. A request that comes alone
 * waits for nobody.
 */
export class Turn {
  #tasks: Task[] = [];

  /**
   * Works at the end of the turn, and replies with that turn's others; if the answer comes later, with those that come
   * with it. Neither function may throw, nor the answer be a rejection: that would end the process.
   */
  add<Answer>(work: () => Eventually<Answer>, reply: (answer: Answer) => void): void {
    this.#push(() => {
      const answer = work();
      if (!(answer instanceof Promise)) return () => reply(answer);
      void answer.then((late) => this.#push(() => () => reply(late)));
      return undefined;
    });
  }

  #push(task: Task): void {
    const waiting = this.#tasks.push(task);
    if (waiting === MOST) this.#end();
    else if (waiting === 1) setImmediate(() => this.#end());
  }

  #end(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    const replies = tasks.map((task) => task());
    for (const reply of replies) reply?.();
  }
}
