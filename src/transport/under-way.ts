/**
 * All requests under way on the main port. Together they are bounded in bytes, and each is bounded in time. One timer
 * serves all, because a timer for each would be a measurable part of a call.
 */
import type { ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Arrival } from "./caller.js";
import { Exchange, type ByteAccount } from "./exchange.js";

const TICKS = 4;

export interface UnderWayLimits {
  /** For all exchanges together. */
  readonly maxBytes: number;
  /** For a request to arrive, and again for its answer to be made and read. Milliseconds. */
  readonly halfMs: number;
}

export class UnderWay implements ByteAccount, Disposable {
  /** Oldest first. */
  readonly #exchanges = new Set<Exchange>();
  readonly #maxBytes: number;
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #tick = 0;
  #gaveWay = 0;
  #makingRoom = false;

  constructor({ maxBytes, halfMs }: UnderWayLimits) {
    this.#maxBytes = maxBytes;
    this.#timer = setInterval(() => this.#cutLate(), halfMs / TICKS).unref();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The number of exchanges that were ended to make room. */
  get gaveWay(): number {
    return this.#gaveWay;
  }

  /** The exchange is under way until its target closes. For HTTP/1.1, Node times the first half by itself. */
  begin(arrival: Arrival, target: ServerHttp2Stream | ServerResponse): Exchange {
    const exchange = new Exchange(arrival, target, this);
    if (!("writeHead" in target)) exchange.beganAt = this.#tick;
    this.#exchanges.add(exchange);
    target.on("close", () => this.#end(exchange));
    this.add(exchange.bytes);
    return exchange;
  }

  /** The whole request has arrived: its second half begins. */
  arrived(exchange: Exchange): void {
    exchange.beganAt = this.#tick;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#maxBytes && !this.#makingRoom) this.#makeRoom();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #end(exchange: Exchange): void {
    if (this.#exchanges.delete(exchange)) this.#bytes -= exchange.bytes;
  }

  /**
   * The oldest exchange of at least average size gives way, until all fit. It must not be the newest: a flood of
   * endless bodies would then keep out all others. An honest request is small and soon done.
   */
  #makeRoom(): void {
    this.#makingRoom = true;
    try {
      while (this.#bytes > this.#maxBytes) {
        const average = this.#bytes / this.#exchanges.size;
        const largeOne = firstOf(this.#exchanges, ({ bytes }) => bytes >= average);
        if (largeOne === undefined) return;
        this.#gaveWay += 1;
        if (largeOne.giveWay()) this.#end(largeOne);
      }
    } finally {
      this.#makingRoom = false;
    }
  }

  #cutLate(): void {
    this.#tick += 1;
    for (const exchange of this.#exchanges) {
      if (exchange.beganAt === undefined || this.#tick - exchange.beganAt <= TICKS) continue;
      exchange.cut(constants.NGHTTP2_CANCEL);
      this.#end(exchange);
    }
  }
}

function firstOf<Item>(items: Iterable<Item>, fits: (item: Item) => boolean): Item | undefined {
  for (const item of items) if (fits(item)) return item;
  return undefined;
}
