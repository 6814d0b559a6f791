const LOOK_EVERY_MS = 250;

/** Whether the replica serves. One timer polls for all waiters, and only while there are any. */
export class ServingState {
  readonly #serving: () => boolean;
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #last = false;

  constructor(serving: () => boolean) {
    this.#serving = serving;
  }

  get current(): boolean {
    return this.#serving();
  }

  /** Resolves when the state is no longer `known`, or when the signal aborts. Never rejects. */
  changed(known: boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.current !== known) return Promise.resolve();
    if (this.#timer === undefined) {
      this.#last = known;
      this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
    }
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        if (this.#waiting.size === 0) this.#rest();
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done);
    });
  }

  #look(): void {
    if (this.current === this.#last) return;
    this.#last = !this.#last;
    for (const done of this.#waiting) done();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
