/**
 * The HTTP/2 half of the port: Node's server, fed with sockets that the port accepted. It owns the lives of its
 * sessions and their limits. It does not know what streams mean.
 */
import http2, {
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../time/clock.js";
import type { Departures, RetirementPlan } from "./connection-age.js";
import { guarded, type FaultListener } from "./guard.js";
import { MAX_CONCURRENT_STREAMS, MAX_HEADER_BYTES, MAX_RESETS_AT_ONCE } from "./limits.js";
import { keepNative, keepNativeFor } from "./native-session.js";

/** The arguments are those of Node's 'stream' event. */
export type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void;

export interface Http2Options {
  readonly onStream: StreamListener;
  readonly retireAt: RetirementPlan;
  /** For a connection that retires to open one more stream. Milliseconds. */
  readonly lingerMs: number;
  /** For the streams of a connection after GOAWAY. Then it is cut. Milliseconds. */
  readonly graceMs: number;
  readonly departures: Departures;
  readonly onFault: FaultListener;
  readonly clock: Clock;
}

const SWEEP_MS = 1000;

export class Http2Side {
  readonly #server: http2.Http2Server;
  /** The instant at which each session retires. */
  readonly #sessions = new Map<ServerHttp2Session, number>();
  /** Sessions that get GOAWAY with their next stream, and the timers that send it if none comes. */
  readonly #leaving = new Map<Http2Session, NodeJS.Timeout>();
  /** Sessions that got GOAWAY, and the timers that cut what is left of them. */
  readonly #told = new Map<Http2Session, NodeJS.Timeout>();
  readonly #options: Http2Options;
  readonly #sweep: NodeJS.Timeout;
  readonly #tell: (session: Http2Session) => void;
  #lingerMs: number | undefined;

  constructor(options: Http2Options) {
    this.#options = options;
    this.#server = http2.createServer({
      maxSessionMemory: 16,
      streamResetBurst: MAX_RESETS_AT_ONCE,
      settings: {
        maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
        maxHeaderListSize: MAX_HEADER_BYTES,
        enablePush: false,
      },
    });
    this.#server.on("stream", (stream, headers, flags, rawHeaders) => this.#serve(stream, headers, flags, rawHeaders));
    const failed = (error: unknown, session: Http2Session) => {
      options.onFault("connection", error);
      session.destroy();
    };
    this.#server.on(
      "session",
      guarded((session: ServerHttp2Session) => this.#open(session), failed),
    );
    this.#tell = guarded((session: Http2Session) => this.#goAway(session), failed);
    this.#server.on("sessionError", ignore);
    const sweep = guarded(
      () => this.#retireOld(),
      (error) => options.onFault("timer", error),
    );
    this.#sweep = setInterval(sweep, SWEEP_MS).unref();
  }

  accept(socket: Socket): void {
    this.#server.emit("connection", socket);
  }

  connections(): number {
    return this.#sessions.size;
  }

  /**
   * Sends every client GOAWAY: with the next stream that it opens, or after `lingerMs`. Each connection ends with its
   * last stream.
   */
  drain(lingerMs: number): void {
    this.#lingerMs = lingerMs;
    for (const session of this.#sessions.keys()) this.#retire(session, lingerMs);
  }

  /** Cuts all sessions that are left. */
  destroy(): void {
    clearInterval(this.#sweep);
    for (const session of this.#sessions.keys()) session.destroy();
  }

  #open(session: ServerHttp2Session): void {
    keepNative(session);
    this.#sessions.set(session, this.#options.retireAt());
    session.once("close", () => {
      this.#sessions.delete(session);
      clearTimeout(this.#leaving.get(session));
      this.#leaving.delete(session);
      clearTimeout(this.#told.get(session));
      this.#told.delete(session);
    });
    session.on("error", ignore);
    if (this.#lingerMs !== undefined) this.#retire(session, this.#lingerMs);
  }

  #retireOld(): void {
    const now = this.#options.clock();
    for (const [session, retireAt] of this.#sessions) if (now > retireAt) this.#retire(session, this.#options.lingerMs);
  }

  /**
   * GOAWAY (RFC 9113 section 6.8) goes out with the next stream, before its answer. A client that waits for answers
   * then never opens a stream in vain. A client with several open streams may do so. GOAWAY names the last stream that
   * is served, and the client opens the rest elsewhere. Node cannot send the early warning of section 6.8: nghttp2
   * accepts no stream after any GOAWAY.
   */
  #retire(session: ServerHttp2Session, lingerMs: number): void {
    if (session.closed || this.#leaving.has(session)) return;
    this.#leaving.set(session, setTimeout(() => this.#tell(session), lingerMs).unref());
  }

  /** Streams may end by themselves. After a grace the session is cut. */
  #goAway(session: Http2Session): void {
    clearTimeout(this.#leaving.get(session));
    this.#leaving.delete(session);
    if (session.closed || session.destroyed) return;
    const { graceMs, departures } = this.#options;
    this.#told.set(session, setTimeout(() => session.destroy(), graceMs).unref());
    session.close();
    departures.announce(session);
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]): void {
    keepNativeFor(stream);
    const { session } = stream;
    if (this.#leaving.size === 0 || session === undefined || !this.#leaving.has(session)) {
      this.#options.onStream(stream, headers, flags, rawHeaders);
      return;
    }
    stream.on("error", ignore);
    setImmediate(() => {
      // By then, all streams of the same packet have been seen.
      this.#tell(session);
      this.#options.onStream(stream, headers, flags, rawHeaders);
    });
  }
}

function ignore(): void {}
