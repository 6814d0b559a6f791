/**
 * All requests under way on the main port. Together they are bounded in bytes, and each is bounded in time. One timer
 * serves all, because a timer for each would be a measurable part of a call.
 */
import type { ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Arrival } from "./caller.js";
import { Pages } from "./pages.js";
import { Exchange, connectionOf } from "./exchange.js";

const TICKS = 4;
const COLLECT_EVERY_ABORTED = 16_384;
const COLLECT_EVERY_BYTES = 16 * 1024 * 1024;

/** Collects garbage that V8 does not hurry for, as it does not see the size of what hangs on it. */
export interface Collector {
  /** What has just been made and dropped: about a millisecond. */
  readonly young: () => void;
  /** All of it: tens of milliseconds. */
  readonly all: () => void;
}

export interface UnderWayLimits {
  /** For all exchanges together. */
  readonly maxBytes: number;
  /** For a request to arrive, and again for its answer to be made and read. Milliseconds. */
  readonly halfMs: number;
  readonly collector: Collector;
}

/** What one connection's exchanges hold together. */
interface Share {
  readonly connection: object;
  /** Oldest first. */
  readonly exchanges: Set<Exchange>;
  bytes: number;
}

export class UnderWay implements Disposable {
  /** By connection. One without an exchange is not here. */
  readonly #shares = new Map<object, Share>();
  readonly #maxBytes: number;
  readonly #timer: NodeJS.Timeout;
  readonly pages = new Pages();
  readonly #collector: Collector;
  #received = 0;
  #aborted = 0;
  #bytes = 0;
  #tick = 0;
  #gaveWay = 0;
  #makingRoom = false;

  constructor({ maxBytes, halfMs, collector }: UnderWayLimits) {
    this.#collector = collector;
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
    const share = this.#shareOf(connectionOf(target) ?? target);
    const exchange = new Exchange(arrival, target, (bytes) => this.#add(share, bytes));
    if (!("writeHead" in target)) exchange.beganAt = this.#tick;
    share.exchanges.add(exchange);
    target.on("close", () => this.#end(share, exchange));
    this.#add(share, exchange.bytes);
    return exchange;
  }

  /** Counts memory that V8 does not see: bytes of a body, or Node's part of a stream. */
  received(bytes: number): void {
    this.#received += bytes;
    if (this.#received < COLLECT_EVERY_BYTES) return;
    this.#received = 0;
    this.#collector.young();
  }

  /** Counts a stream that ended before it began. What is left of it outlives every collection but a full one. */
  aborted(): void {
    this.#aborted += 1;
    if (this.#aborted < COLLECT_EVERY_ABORTED) return;
    this.#aborted = 0;
    this.#collector.all();
  }

  /** The whole request has arrived: its second half begins. */
  arrived(exchange: Exchange): void {
    exchange.beganAt = this.#tick;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #shareOf(connection: object): Share {
    const known = this.#shares.get(connection);
    if (known !== undefined) return known;
    const share = { connection, exchanges: new Set<Exchange>(), bytes: 0 };
    this.#shares.set(connection, share);
    return share;
  }

  #add(share: Share, bytes: number): void {
    share.bytes += bytes;
    this.#bytes += bytes;
    if (bytes > 0 && this.#bytes > this.#maxBytes && !this.#makingRoom) this.#makeRoom();
  }

  #end(share: Share, exchange: Exchange): void {
    if (!share.exchanges.delete(exchange)) return;
    this.#add(share, -exchange.bytes);
    if (share.exchanges.size === 0) this.#shares.delete(share.connection);
  }

  /**
   * The oldest exchange of at least average size gives way, on the first connection of at least average size, until
   * all fit. It must not be the newest: a flood of endless bodies would then keep out all others. An honest caller holds
   * little, and not for long.
   */
  #makeRoom(): void {
    this.#makingRoom = true;
    try {
      while (this.#bytes > this.#maxBytes) {
        const share = firstLarge(this.#shares.values(), this.#bytes / this.#shares.size);
        const exchange = share && firstLarge(share.exchanges, share.bytes / share.exchanges.size);
        if (share === undefined || exchange === undefined) return;
        this.#gaveWay += 1;
        if (exchange.giveWay()) this.#end(share, exchange);
      }
    } finally {
      this.#makingRoom = false;
    }
  }

  #cutLate(): void {
    this.#tick += 1;
    this.pages.letGo();
    for (const share of this.#shares.values()) {
      for (const exchange of share.exchanges) {
        if (exchange.beganAt === undefined || this.#tick - exchange.beganAt <= TICKS) continue;
        exchange.cut(constants.NGHTTP2_CANCEL);
        this.#end(share, exchange);
      }
    }
  }
}

function firstLarge<Item extends { readonly bytes: number }>(items: Iterable<Item>, least: number): Item | undefined {
  for (const item of items) if (item.bytes >= least) return item;
  return undefined;
}
