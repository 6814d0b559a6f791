/** The HTTP/2 half of the port: Node's server without a socket of its own, its limits, and its graceful endings. */
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../oauth/clock.js";
import type { RetirementPlan } from "./connection-age.js";
import { MAX_CONCURRENT_STREAMS, MAX_HEADER_BYTES } from "./limits.js";

/** Handles one stream; the arguments are those of Node's 'stream' event. */
export type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void;

/** What the half is made of. */
export interface Http2Options {
  readonly onStream: StreamListener;
  readonly retireAt: RetirementPlan;
  readonly clock: Clock;
}

const SWEEP_MS = 1000;
const GOAWAY_PATIENCE_MS = 1000;
const MAX_STREAM_ID = 2 ** 31 - 1;

/** Serves the sockets that it is handed. */
export class Http2Side {
  readonly #server: http2.Http2Server;
  /** When each session is to be given up; Infinity once it has been told. */
  readonly #sessions = new Map<ServerHttp2Session, number>();
  readonly #options: Http2Options;
  readonly #sweep: NodeJS.Timeout;
  #draining = false;

  constructor(options: Http2Options) {
    this.#options = options;
    this.#server = http2.createServer({
      maxSessionMemory: 16,
      settings: {
        maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
        maxHeaderListSize: MAX_HEADER_BYTES,
        enablePush: false,
      },
    });
    this.#server.on("stream", options.onStream);
    this.#server.on("session", (session) => this.#open(session));
    this.#server.on("sessionError", ignore);
    this.#sweep = setInterval(() => this.#retireOld(), SWEEP_MS).unref();
  }

  accept(socket: Socket): void {
    this.#server.emit("connection", socket);
  }

  connections(): number {
    return this.#sessions.size;
  }

  /** Tells every client to open its next stream elsewhere; each connection ends with its last stream. */
  drain(): void {
    this.#draining = true;
    for (const session of this.#sessions.keys()) this.#retire(session);
  }

  /** Cuts what is left. */
  destroy(): void {
    clearInterval(this.#sweep);
    for (const session of this.#sessions.keys()) session.destroy();
  }

  #open(session: ServerHttp2Session): void {
    this.#sessions.set(session, this.#options.retireAt());
    session.once("close", () => this.#sessions.delete(session));
    session.on("error", ignore);
    if (this.#draining) this.#retire(session);
  }

  #retireOld(): void {
    const now = this.#options.clock();
    for (const [session, retireAt] of this.#sessions) if (now > retireAt) this.#retire(session);
  }

  /**
   * GOAWAY in two steps (RFC 9113 section 6.8): first one that refuses nothing, then, once a ping has come back and so
   * every stream that was opened in ignorance has arrived, the final one.
   */
  #retire(session: ServerHttp2Session): void {
    if (session.destroyed || this.#sessions.get(session) === Infinity) return;
    this.#sessions.set(session, Infinity);
    const close = () => {
      clearTimeout(patience);
      if (!session.closed && !session.destroyed) session.close();
    };
    const patience = setTimeout(close, GOAWAY_PATIENCE_MS).unref();
    session.goaway(http2.constants.NGHTTP2_NO_ERROR, MAX_STREAM_ID);
    session.ping(close);
  }
}

function ignore(): void {}
