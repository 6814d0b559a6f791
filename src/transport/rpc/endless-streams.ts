/**
 * Streams that never end by themselves: health, reflection and revocations. All end when their connection retires.
 * Those of health and reflection need no credentials, and are bounded per connection.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import type { Departures } from "../connection-age.js";
import type { Exchange } from "../exchange.js";
import { withErrorInfo } from "./errors.js";

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

  /** Takes a place until `target` closes. Throws RESOURCE_EXHAUSTED if the connection has too many. */
  enter({ target }: Exchange): void {
    const connection = connectionOf(target);
    if (connection === undefined) return;
    const count = (this.#counts.get(connection) ?? 0) + 1;
    if (count > MOST_OF_A_CONNECTION) {
      const complaint = `A connection may have at most ${MOST_OF_A_CONNECTION} streams of health or reflection.`;
      throw withErrorInfo(new ConnectError(complaint, Code.ResourceExhausted));
    }
    this.#counts.set(connection, count);
    target.once("close", () => this.#counts.set(connection, (this.#counts.get(connection) ?? 1) - 1));
  }
}

/** The HTTP/2 session or the socket. Undefined if it is gone. */
function connectionOf(target: Exchange["target"]): object | undefined {
  return ("session" in target ? target.session : target.socket) ?? undefined;
}
