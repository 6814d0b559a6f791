/**
 * Streams that never end by themselves: health, reflection and revocations. All end when their connection retires.
 * Those of health and reflection need no credentials, and are bounded per connection.
 */
import type { Departures } from "../connection-age.js";
import { connectionOf, type Exchange } from "../exchange.js";

/** A client needs only one of each kind. */
const MOST_OF_A_CONNECTION = 8;

export interface EndlessOptions {
  readonly departures: Departures;
  /** Ends every stream. Callers go elsewhere. */
  readonly shutdown: AbortSignal;
}

export class EndlessStreams {
  readonly #options: EndlessOptions;
  readonly #counts = new WeakMap<object, number>();

  constructor(options: EndlessOptions) {
    this.#options = options;
  }

  /** Aborts when the server or the connection retires. */
  endOf({ target }: Exchange): AbortSignal {
    const { departures, shutdown } = this.#options;
    const connection = connectionOf(target);
    return connection === undefined ? shutdown : AbortSignal.any([shutdown, departures.signalOf(connection)]);
  }

  /** Takes a place until `target` closes. Returns whether there was one. */
  enter({ target }: Exchange): boolean {
    const connection = connectionOf(target);
    const count = (connection && this.#counts.get(connection)) ?? 0;
    if (connection === undefined || count >= MOST_OF_A_CONNECTION) return false;
    this.#counts.set(connection, count + 1);
    target.once("close", () => this.#counts.set(connection, (this.#counts.get(connection) ?? 1) - 1));
    return true;
  }
}
