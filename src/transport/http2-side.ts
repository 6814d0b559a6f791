/** The HTTP/2 half of the port: Node's server without a socket of its own, its limits, and its graceful endings. */
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
  /** For the streams of a connection that was told to go away; then it is cut. Milliseconds. */
  readonly graceMs: number;
  readonly departures: Departures;
  readonly onFault: FaultListener;
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
  /** Those that were told, and the timers that cut what is left of them. */
  readonly #told = new Map<Http2Session, NodeJS.Timeout>();
  readonly #options: Http2Options;
  readonly #sweep: NodeJS.Timeout;
  readonly #tell: (session: Http2Session) => void;
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
   * GOAWAY (RFC 9113 section 6.8), told with the next stream: the news goes out before its answer, so that a client which
   * waits for answers never opens a stream in ignorance. One that does, having others open, is told which was the last
   * that is served, and opens the rest elsewhere. Node cannot send the warning that would spare it that: after any GOAWAY,
   * nghttp2 takes no more streams.
   */
  #retire(session: ServerHttp2Session, lingerMs: number): void {
    if (session.closed || this.#leaving.has(session)) return;
    this.#leaving.set(session, setTimeout(() => this.#tell(session), lingerMs).unref());
  }

  /** From here on everything ends: streams by themselves, and what does not a grace later. */
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
