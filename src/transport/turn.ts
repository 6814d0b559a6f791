import { type Eventually, andThen } from "../oauth/eventually.js";

/** So many share their fate: the first waits for the work of all, which takes a millisecond. */
const TOGETHER = 16;

/**
 * What the requests of one turn of the event loop ask for, done together at its end: first the work of all, then the
 * replies to all. One request from beginning to end after the other costs up to twice as much under load: HTTP, the core
 * and the signature push each other's code and tables out of the processor's caches each time, each reply wakes its
 * reader by itself, and clients that are answered one by one come back one by one, each to a turn of its own. A request
 * that comes alone waits for nobody.
 */
export class Turn {
  #tasks: (() => () => void)[] = [];

  /** Does the work at the end of the turn, and replies then or as soon as the answer is there. Neither may throw. */
  add<Answer>(work: () => Eventually<Answer>, reply: (answer: Answer) => void): void {
    const task = () => {
      const answer = work();
      return () => void andThen(answer, reply);
    };
    if (this.#tasks.push(task) === 1) setImmediate(() => this.#end());
  }

  #end(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (let from = 0; from < tasks.length; from += TOGETHER) {
      const replies = tasks.slice(from, from + TOGETHER).map((task) => task());
      for (const reply of replies) reply();
    }
  }
}
