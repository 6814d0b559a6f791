/** A batch of this size starts at once. It must not grow: a client may send more requests before it has its answers. */
const MOST = 16;

interface Task<Request> {
  readonly request: Request;
  readonly run: () => void;
}

/** Gets the request whose work or reply failed. The rest of its batch goes on. */
export type FailedTask<Request> = (request: Request, error: unknown) => void;

/**
 * The requests of one turn of the event loop, served together: first the work of all, then the replies to all. Under
 * load a form then costs half the CPU (docs/performance.md). Separate replies wake their readers one by one, the
 * clients come back one by one, and each request finds cold processor caches. A request that comes alone waits for no
 * other.
 */
export class Batch<Request> {
  readonly #onFailure: FailedTask<Request>;
  #tasks: Task<Request>[] = [];
  #replies: Task<Request>[] = [];

  constructor(onFailure: FailedTask<Request>) {
    this.#onFailure = onFailure;
  }

  /** `work` starts at the end of the turn. An error of `work` or `reply` fails this request alone. */
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

  /** A tick begins when no promise can go on. Every request that need not wait has its answer by then. */
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
