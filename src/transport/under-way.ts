/**
 * All requests that are under way on the main port, bounded together: in bytes, and each in time. One clock and one sum
 * for all, since a timer for each would be a measurable part of a call.
 */
import type { ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Arrival } from "./caller.js";
import { Exchange, type ByteAccount } from "./exchange.js";

const TICKS = 4;

/** The bounds. */
export interface UnderWayLimits {
  /** For all exchanges together. */
  readonly maxBytes: number;
  /** For a request to arrive, and again for its answer to be made and taken. Milliseconds. */
  readonly halfMs: number;
}

/** The exchanges. */
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

  /** What all hold. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many were ended to make room. */
  get gaveWay(): number {
    return this.#gaveWay;
  }

  /** A request has come; it is under way until its target closes. For HTTP/1.1, Node times the first half by itself. */
  begin(arrival: Arrival, target: ServerHttp2Stream | ServerResponse): Exchange {
    const exchange = new Exchange(arrival, target, this);
    if (!("writeHead" in target)) exchange.beganAt = this.#tick;
    this.#exchanges.add(exchange);
    target.on("close", () => this.#end(exchange));
    this.add(exchange.bytes);
    return exchange;
  }

  /** The request is there as a whole: its second half begins. */
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
   * The oldest of those that hold at least the average gives way, until all fit. Not the one that came last: a flood of
   * bodies that never end would then keep out everyone else. An honest request is small and soon gone.
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
