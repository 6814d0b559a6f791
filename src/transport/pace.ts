import { connectionOf, type Exchange } from "./exchange.js";

const MOST_A_TURN = 128;

/**
 * Bounds the work that begins in one turn of the event loop. A hundred connections may bring thousands of streams in one
 * turn; a caller that asks for one token must not wait for all of those. What is too much waits for the next turns, in which
 * the connections take turns.
 */
export class Pace {
  readonly #onFault: (exchange: Exchange, error: unknown) => void;
  /** By connection. */
  readonly #waiting = new Map<object, Beginning[]>();
  #spent = 0;
  #scheduled = false;

  constructor(onFault: (exchange: Exchange, error: unknown) => void) {
    this.#onFault = onFault;
  }

  /** Whether work of this cost may begin at once; 1 is a request that takes no detour. If not, it is to `wait`. */
  spend(cost: number): boolean {
    if (this.#waiting.size > 0 || this.#spent >= MOST_A_TURN) return false;
    this.#schedule();
    this.#spent += cost;
    return true;
  }

  /** Begins later, unless the exchange has ended by then. What `begin` throws fails this exchange alone. */
  wait(exchange: Exchange, cost: number, begin: () => void): void {
    const connection = connectionOf(exchange.target);
    if (connection === undefined) return; // it is gone
    this.#schedule();
    const queue = this.#waiting.get(connection);
    if (queue === undefined) this.#waiting.set(connection, [{ exchange, cost, begin }]);
    else queue.push({ exchange, cost, begin });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#scheduled = false;
    this.#spent = 0;
    while (this.#waiting.size > 0 && this.#spent < MOST_A_TURN) {
      for (const [connection, queue] of Array.from(this.#waiting)) {
        const next = queue.shift();
        this.#waiting.delete(connection);
        if (queue.length > 0) this.#waiting.set(connection, queue); // behind the others
        if (next !== undefined) this.#begin(next);
        if (this.#spent >= MOST_A_TURN) break;
      }
    }
    if (this.#spent > 0 || this.#waiting.size > 0) this.#schedule();
  };

  #begin({ exchange, cost, begin }: Beginning): void {
    if (exchange.isOver) return;
    this.#spent += cost;
    try {
      begin();
    } catch (error) {
      this.#onFault(exchange, error);
    }
  }
}

interface Beginning {
  readonly exchange: Exchange;
  readonly cost: number;
  readonly begin: () => void;
}
