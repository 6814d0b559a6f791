import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

const MOST = 100;
/** For one that is being answered: a scrape takes less. */
const ANSWER_WITHIN_MS = 10_000;

/**
 * The connections of the admin port. There are never too many for one more: the oldest that asks nothing is dropped, and
 * where all ask something, the oldest of them. A probe that found no place would let Kubernetes restart a healthy pod.
 */
export class AdminConnections {
  /** Oldest first. */
  readonly #silent = new Set<Socket>();
  readonly #busy = new Set<Socket>();

  add(socket: Socket): void {
    this.#silent.add(socket);
    socket.once("close", () => {
      this.#silent.delete(socket);
      this.#busy.delete(socket);
    });
    if (this.#silent.size + this.#busy.size > MOST) this.#drop();
  }

  /** It asks something, until `response` has ended. */
  busy(socket: Socket, response: ServerResponse): void {
    this.#silent.delete(socket);
    this.#busy.add(socket);
    const slow = setTimeout(() => socket.destroy(), ANSWER_WITHIN_MS).unref();
    response.once("close", () => {
      clearTimeout(slow);
      if (this.#busy.delete(socket) && !socket.destroyed) this.#silent.add(socket);
    });
  }

  #drop(): void {
    const from = this.#silent.size > 1 ? this.#silent : this.#busy; // the one that has just come is silent, too
    const [oldest] = from;
    if (oldest === undefined) return;
    from.delete(oldest);
    oldest.destroy();
  }
}
