import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

const MOST = 100;
/** A scrape takes less. */
const ANSWER_WITHIN_MS = 10_000;

/**
 * The connections of the admin port. One more is always accepted. When there are too many, the oldest connection
 * without a request is dropped, or else the oldest of all. Kubernetes would restart a healthy pod if a probe found no
 * place.
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

  /** The connection has a request until `response` closes. */
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
    const from = this.#silent.size > 1 ? this.#silent : this.#busy; // the newest connection is silent, too
    const [oldest] = from;
    if (oldest === undefined) return;
    from.delete(oldest);
    oldest.destroy();
  }
}
