import { constants, type ServerHttp2Stream } from "node:http2";
import type { BodyWatch } from "./body.js";

const TICKS = 4;

/**
 * Cuts HTTP/2 streams whose body takes longer than a limit, at most a quarter later. One clock for all: a timer for each
 * would be a measurable part of a call, and nearly every body is there at once. (For HTTP/1.1, Node watches.)
 */
export class SlowBodies implements BodyWatch<ServerHttp2Stream>, Disposable {
  /** The streams whose body is not complete, each with the tick that it began at. */
  readonly #pending = new Map<ServerHttp2Stream, number>();
  readonly #timer: NodeJS.Timeout;
  #tick = 0;

  constructor(limitMs: number) {
    this.#timer = setInterval(() => this.#sweep(), limitMs / TICKS).unref();
  }

  begin(stream: ServerHttp2Stream): void {
    this.#pending.set(stream, this.#tick);
  }

  end(stream: ServerHttp2Stream): void {
    this.#pending.delete(stream);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #sweep(): void {
    this.#tick += 1;
    for (const [stream, began] of this.#pending) {
      const late = this.#tick - began > TICKS;
      if (late && !stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
      if (late || stream.destroyed) this.#pending.delete(stream);
    }
  }
}
