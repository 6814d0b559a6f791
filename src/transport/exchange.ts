import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Arrival } from "./caller.js";

/** Node's own objects for one exchange. Measured: 7 to 9 KiB for an HTTP/2 stream. */
const EXCHANGE_BYTES = 8 * 1024;

/** The HTTP/2 session, or the socket; undefined if it is gone. An answer behind another one has no socket of its own yet. */
export function connectionOf(target: ServerHttp2Stream | ServerResponse): object | undefined {
  return ("session" in target ? target.session : target.req.socket) ?? undefined;
}

/** One request and its answer, and the memory that they hold. */
export class Exchange implements Arrival {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly peerAddress: string | undefined;
  /** The answer is written here. */
  readonly target: ServerHttp2Stream | ServerResponse;
  /** Undefined until the caller has been read. */
  requestId: string | undefined;
  /** The tick at which its present half began. Undefined while the half is not timed. */
  beganAt: number | undefined;
  /** Answers that there is no room. Set only while a reader collects the body. */
  onNoRoom: ((reason: "no_room") => void) | undefined;
  readonly #add: (bytes: number) => void;
  readonly #least: number;
  #bytes: number;

  constructor(arrival: Arrival, target: ServerHttp2Stream | ServerResponse, add: (bytes: number) => void) {
    this.headers = arrival.headers;
    this.rawHeaders = arrival.rawHeaders;
    this.peerAddress = arrival.peerAddress;
    this.target = target;
    this.#add = add;
    let least = EXCHANGE_BYTES;
    for (const text of arrival.rawHeaders) least += text.length;
    this.#bytes = this.#least = least;
  }

  /** Whether nothing more can be sent: it was answered, or its caller is gone. */
  get isOver(): boolean {
    return this.target.destroyed || this.target.closed;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds to what it holds. This exchange or others may be cut before the call returns. */
  hold(bytes: number): void {
    this.#bytes += bytes;
    this.#add(bytes);
  }

  /** The body no longer counts: it is dropped, or was handed on. */
  dropBody(): void {
    this.hold(this.#least - this.#bytes);
  }

  /** For a stream of an authenticated follower. It may last, and it is not cut to make room. */
  exempt(): void {
    this.beganAt = undefined;
    this.hold(-this.#bytes);
  }

  /** Ends it without an answer. */
  cut(code: number): void {
    const { target } = this;
    if ("writeHead" in target) target.socket?.destroy();
    else if (!target.destroyed) target.close(code);
  }

  /** Makes room, with an answer if possible. Returns whether the exchange has ended. */
  giveWay(): boolean {
    const { onNoRoom } = this;
    if (onNoRoom === undefined) {
      this.cut(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return true;
    }
    this.onNoRoom = undefined;
    onNoRoom("no_room");
    this.dropBody();
    return false;
  }
}
