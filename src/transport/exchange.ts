import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Arrival } from "./caller.js";

/** What an exchange costs besides its bytes: Node's objects for it. Measured: 7 to 9 KiB for an HTTP/2 stream. */
const EXCHANGE_BYTES = 8 * 1024;

/** Where the bytes of exchanges are added up. */
export interface ByteAccount {
  add(bytes: number): void;
}

/** One request and its answer, from its first byte to its last, and what it holds in memory meanwhile. */
export class Exchange implements Arrival {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly peerAddress: string | undefined;
  /** What takes the answer. */
  readonly target: ServerHttp2Stream | ServerResponse;
  /** Known as soon as somebody asked who calls. */
  requestId: string | undefined;
  /** The tick of the clock at which its present half began; undefined where no clock runs. */
  beganAt: number | undefined;
  /** Answers that there is no room. There while the body is collected by someone who can. */
  onNoRoom: (() => void) | undefined;
  readonly #account: ByteAccount;
  readonly #least: number;
  #bytes: number;

  constructor(arrival: Arrival, target: ServerHttp2Stream | ServerResponse, account: ByteAccount) {
    this.headers = arrival.headers;
    this.rawHeaders = arrival.rawHeaders;
    this.peerAddress = arrival.peerAddress;
    this.target = target;
    this.#account = account;
    let least = EXCHANGE_BYTES;
    for (const text of arrival.rawHeaders) least += text.length;
    this.#bytes = this.#least = least;
  }

  /** What it holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** It holds more. Others, or it itself, may be cut before this returns. */
  hold(bytes: number): void {
    this.#bytes += bytes;
    this.#account.add(bytes);
  }

  /** Its body is dropped, or was handed on and is no longer of use. */
  dropBody(): void {
    this.hold(this.#least - this.#bytes);
  }

  /**
   * A stream of an authenticated follower, which may be as old as it likes: it is neither timed nor cut to make room.
   */
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

  /** Makes room: by an answer if there can be one. Returns whether the exchange has ended by it. */
  giveWay(): boolean {
    const { onNoRoom } = this;
    if (onNoRoom === undefined) {
      this.cut(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return true;
    }
    this.onNoRoom = undefined;
    onNoRoom();
    this.dropBody();
    return false;
  }
}
