/** The HTTP/2 half of the port: Node's server without a socket of its own, its limits, and its graceful endings. */
import http2, {
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../time/clock.js";
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
  /** For a connection that has reached its age to open one more stream. Milliseconds. */
  readonly lingerMs: number;
  readonly clock: Clock;
}

const SWEEP_MS = 1000;
/** Serves the sockets that it is handed. */
export class Http2Side {
  readonly #server: http2.Http2Server;
  /** When each session is to be given up. */
  readonly #sessions = new Map<ServerHttp2Session, number>();
  /** Those that are to be told with their next stream, and the timers that tell them if none comes. */
  readonly #leaving = new Map<Http2Session, NodeJS.Timeout>();
  readonly #options: Http2Options;
  readonly #sweep: NodeJS.Timeout;
  #lingerMs: number | undefined;

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
    this.#server.on("stream", (stream, headers, flags, rawHeaders) => this.#serve(stream, headers, flags, rawHeaders));
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

  /**
   * Tells every client to open its streams elsewhere: with the next stream that it opens, or after `lingerMs`. Each
   * connection ends with its last stream.
   */
  drain(lingerMs: number): void {
    this.#lingerMs = lingerMs;
    for (const session of this.#sessions.keys()) this.#retire(session, lingerMs);
  }

  /** Cuts what is left. */
  destroy(): void {
    clearInterval(this.#sweep);
    for (const session of this.#sessions.keys()) session.destroy();
  }

  #open(session: ServerHttp2Session): void {
    this.#sessions.set(session, this.#options.retireAt());
    session.once("close", () => {
      this.#sessions.delete(session);
      clearTimeout(this.#leaving.get(session));
      this.#leaving.delete(session);
    });
    session.on("error", ignore);
    if (this.#lingerMs !== undefined) this.#retire(session, this.#lingerMs);
  }

  #retireOld(): void {
    const now = this.#options.clock();
    for (const [session, retireAt] of this.#sessions) if (now > retireAt) this.#retire(session, this.#options.lingerMs);
  }

  /**
   * GOAWAY (RFC 9113 section 6.8), told with the next stream: the news goes out before its answer, so that a client which
   * waits for answers never opens a stream in ignorance. One that does, having others open, is told which was the last
   * that is served, and opens the rest elsewhere. Node cannot send the warning that would spare it that: after any GOAWAY,
   * nghttp2 takes no more streams.
   */
  #retire(session: ServerHttp2Session, lingerMs: number): void {
    if (session.closed || this.#leaving.has(session)) return;
    this.#leaving.set(session, setTimeout(() => this.#tell(session), lingerMs).unref());
  }

  #tell(session: Http2Session): void {
    clearTimeout(this.#leaving.get(session));
    this.#leaving.delete(session);
    if (!session.closed && !session.destroyed) session.close();
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]): void {
    const { session } = stream;
    if (this.#leaving.size === 0 || session === undefined || !this.#leaving.has(session)) {
      this.#options.onStream(stream, headers, flags, rawHeaders);
      return;
    }
    stream.on("error", ignore);
    setImmediate(() => {
      // by then, streams that came in one packet with it have been seen
      this.#tell(session);
      this.#options.onStream(stream, headers, flags, rawHeaders);
    });
  }
}

function ignore(): void {}
