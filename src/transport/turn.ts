import type { Eventually } from "../oauth/eventually.js";

/** So many share their fate: the first waits for the work of all, which takes a millisecond. */
const TOGETHER = 16;

/** Works on a request. Returns what replies to it, or undefined if there is no answer yet. */
type Task = () => (() => void) | undefined;

/**
 * What the requests of one turn of the event loop ask for, done together at its end: first the work of all, then the
 * replies to all. One request from beginning to end after the other costs up to twice as much under load: HTTP, the core
 * and the signature push each other's code and tables out of the processor's caches each time, each reply wakes its
 * reader by itself, and clients that are answered one by one come back one by one, each to a turn of its own. A request
 * that comes alone waits for nobody.
 */
export class Turn {
  #tasks: Task[] = [];

  /** Works at the end of the turn, and replies then or at the end of the one that brings the answer. Neither may throw. */
  add<Answer>(work: () => Eventually<Answer>, reply: (answer: Answer) => void): void {
    this.#atEnd(() => {
      const answer = work();
      if (!(answer instanceof Promise)) return () => reply(answer);
      void answer.then((late) => this.#atEnd(() => () => reply(late)));
      return undefined;
    });
  }

  #atEnd(task: Task): void {
    if (this.#tasks.push(task) === 1) setImmediate(() => this.#end());
  }

  #end(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (let from = 0; from < tasks.length; from += TOGETHER) {
      const replies = tasks.slice(from, from + TOGETHER).map((task) => task());
      for (const reply of replies) reply?.();
    }
  }
}
