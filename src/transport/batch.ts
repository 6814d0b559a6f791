/** A batch this large is not kept waiting for more, nor does it grow: a client may send its next requests unanswered. */
const MOST = 16;

interface Task<Request> {
  readonly request: Request;
  readonly run: () => void;
}

/** Hears of a request whose work or reply failed. It is the only one of its batch that fails. */
export type FailedTask<Request> = (request: Request, error: unknown) => void;

/**
 * The requests of one turn of the event loop, done together at its end: first the work of all, then the replies to all.
 * Under load a form then takes half the CPU that it takes one by one (docs/performance.md): each reply wakes its reader by
 * itself, clients that are answered one by one come back one by one, and each finds the processor's caches filled by what
 * came between. A request that comes alone waits for nobody.
 */
export class Batch<Request> {
  readonly #onFailure: FailedTask<Request>;
  #tasks: Task<Request>[] = [];
  #replies: Task<Request>[] = [];

  constructor(onFailure: FailedTask<Request>) {
    this.#onFailure = onFailure;
  }

  /** Works at the end of the turn. What `work` or `reply` throws, or a rejected answer, fails this request alone. */
  add<Answer>(request: Request, work: () => Promise<Answer>, reply: (answer: Answer) => void): void {
    const run = () => {
      work().then(
        (answer) => this.#reply({ request, run: () => reply(answer) }),
        (error: unknown) => this.#onFailure(request, error),
      );
    };
    const waiting = this.#tasks.push({ request, run });
    if (waiting === MOST) this.#work();
    else if (waiting === 1) setImmediate(() => this.#work());
  }

  #work(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) this.#guard(task);
  }

  /** A tick begins when no promise can go on: the work of all that need not wait is done by then. */
  #reply(task: Task<Request>): void {
    if (this.#replies.push(task) === 1) process.nextTick(() => this.#replyToAll());
  }

  #replyToAll(): void {
    const replies = this.#replies;
    this.#replies = [];
    for (const reply of replies) this.#guard(reply);
  }

  #guard({ request, run }: Task<Request>): void {
    try {
      run();
    } catch (error) {
      this.#onFailure(request, error);
    }
  }
}
