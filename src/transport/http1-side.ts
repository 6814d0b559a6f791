/** The HTTP/1.1 half of the port: Node's server without a socket of its own, with every limit that a peer can strain. */
import { Buffer } from "node:buffer";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import type { Clock } from "../time/clock.js";
import type { Departures, RetirementPlan } from "./connection-age.js";
import { hasFollower, watchFollower, withoutUpgrade } from "./declined-upgrade.js";
import { guarded, type FaultListener } from "./guard.js";
import { MAX_HEADER_BYTES } from "./limits.js";

/** How long a peer may take. Milliseconds. */
export interface Http1Timeouts {
  /** For the request line and header fields. */
  readonly headersMs: number;
  /** For the whole request. */
  readonly requestMs: number;
  /** For the next request on a kept connection: longer than balancers keep theirs (60 s), so that they close first. */
  readonly keepAliveMs: number;
}

/** What the half is made of. */
export interface Http1Options {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Answers what could not be parsed: a complete HTTP/1.1 message that closes the connection. */
  readonly malformedAnswer: (status: 400 | 408 | 413 | 417 | 431) => string;
  readonly timeouts: Http1Timeouts;
  readonly retireAt: RetirementPlan;
  /** For an answer that has not ended at the age of its connection; then that is cut. Milliseconds. */
  readonly graceMs: number;
  readonly departures: Departures;
  readonly onFault: FaultListener;
  readonly clock: Clock;
}

interface Connection {
  readonly retireAt: number;
  /** The answer to the last request. */
  response: ServerResponse | undefined;
  /** The answer to the one before it, if that was not out when the last request came. */
  previous: ServerResponse | undefined;
  /** Whether a refusal is to end the connection. */
  refused: boolean;
}

const SWEEP_MS = 50;
/** For a peer to take the refusal of what could not be parsed. */
const REFUSAL_MS = 1000;
const RETIRE_EVERY_MS = 1000;

/** Serves the sockets that it is handed. */
export class Http1Side {
  readonly #server: http.Server;
  readonly #connections = new Map<Duplex, Connection>();
  readonly #options: Http1Options;
  readonly #retiring: NodeJS.Timeout;
  #draining = false;

  constructor(options: Http1Options) {
    this.#options = options;
    this.#server = http.createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: options.timeouts.headersMs,
        requestTimeout: options.timeouts.requestMs,
        keepAliveTimeout: options.timeouts.keepAliveMs,
        requireHostHeader: false, // Node's own refusal is bare; `isMalformed` asks for it
        connectionsCheckingInterval: Math.min(1000, options.timeouts.headersMs),
        shouldUpgradeCallback: hasFollower,
      },
      (request, response) => this.#serve(request, response),
    );
    // A client that has said all is owed its answer all the same. (Node's types do not know this member.)
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    const failed = (error: unknown, socket: Duplex) => {
      options.onFault("connection", error);
      socket.destroy();
    };
    this.#server.on(
      "clientError",
      guarded(
        (error: NodeJS.ErrnoException, socket: Duplex) => this.#fail(error, socket),
        (error, _cause, socket) => failed(error, socket),
      ),
    );
    this.#server.on("connect", ({ socket }, stream) => {
      stream.on("error", ignore); // from here on, nobody else listens
      this.#refuse(socket, 400);
    });
    this.#server.on("checkExpectation", ({ socket }) => this.#refuse(socket, 417));
    this.#server.on(
      "upgrade",
      guarded(
        (request: IncomingMessage, stream: Duplex, head: Buffer) => this.#decline(request, stream, head),
        (error, { socket }) => failed(error, socket),
      ),
    );
    // Node starts the clocks of headersTimeout and requestTimeout only on 'listening', which a server without a socket
    // of its own never emits.
    this.#server.emit("listening");
    const retire = guarded(
      () => this.#cutOld(),
      (error) => options.onFault("timer", error),
    );
    this.#retiring = setInterval(retire, RETIRE_EVERY_MS).unref();
  }

  accept(socket: Socket): void {
    socket.allowHalfOpen = true;
    this.#open(socket, this.#options.retireAt());
  }

  connections(): number {
    return this.#connections.size;
  }

  /**
   * From now on every answer closes its connection. A connection without a request gets `lingerMs` to send one: a client
   * may have sent it before it can know, and closing under it would lose the request.
   */
  drain(lingerMs: number): void {
    this.#draining = true;
    for (const { response } of this.#connections.values()) {
      if (response !== undefined && !response.headersSent) response.shouldKeepAlive = false;
    }
    setTimeout(() => this.#closeIdle(), lingerMs).unref();
  }

  /** Cuts what is left. */
  destroy(): void {
    clearInterval(this.#retiring);
    for (const socket of this.#connections.keys()) socket.destroy();
    this.#server.close(); // ends the clocks; there is no socket to close
  }

  /** Ends answers that would never end by themselves: by telling them, and a grace later by force. */
  #cutOld(): void {
    const now = this.#options.clock();
    for (const [socket, { response, retireAt }] of this.#connections) {
      if (now <= retireAt || response === undefined || response.writableFinished) continue;
      this.#options.departures.announce(socket);
      if (now > retireAt + this.#options.graceMs) socket.destroy();
    }
  }

  #closeIdle(): void {
    for (const [socket, { response }] of this.#connections) {
      if (response === undefined || response.writableFinished) socket.destroy();
    }
    if (this.#connections.size > 0) setTimeout(() => this.#closeIdle(), SWEEP_MS).unref();
  }

  #open(socket: Duplex, retireAt: number): void {
    this.#connections.set(socket, { retireAt, response: undefined, previous: undefined, refused: false });
    socket.once("close", () => this.#connections.delete(socket));
    this.#server.emit("connection", socket);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined || isClosing(connection)) return;
    connection.previous = isOwed(connection.response) ? connection.response : undefined;
    connection.response = response;
    if (this.#draining || this.#options.clock() > connection.retireAt) response.shouldKeepAlive = false;
    if (request.headers.upgrade !== undefined) watchFollower(request, response);
    this.#options.onRequest(request, response);
  }

  /** Goes on as though no upgrade had been asked for, once the requests before it are answered. */
  #decline(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { socket } = request;
    stream.on("error", ignore); // from here on, nobody else listens
    withoutUpgrade(request, stream, head, (bytes) => {
      this.#afterAnswer(this.#connections.get(socket)?.response, socket, () => {
        if (bytes === undefined) return this.#refuse(socket, 400);
        socket.setTimeout(0); // for the next request, set by the last one's answer
        stream.unshift(bytes);
        if (stream === socket) this.#server.emit("connection", socket);
        else this.#open(Object.assign(stream, { remoteAddress: socket.remoteAddress }), 0);
      });
    });
  }

  #fail(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (!socket.writable || error.code === "ECONNRESET") socket.destroy();
    else this.#refuse(socket, STATUS_OF[error.code ?? ""] ?? 400);
  }

  /**
   * Refuses what could not be parsed, after the answers to the whole requests before it: they are done, and one may have
   * spent a refresh token.
   */
  #refuse(socket: Duplex, status: 400 | 408 | 413 | 417 | 431): void {
    const connection = this.#connections.get(socket);
    if (connection?.refused === true) return; // the parser complains of every further packet
    if (connection !== undefined) connection.refused = true;
    const last = connection?.response;
    const broken = last?.req.complete === false ? last : undefined;
    this.#afterAnswer(broken === undefined ? last : connection?.previous, socket, () => {
      setTimeout(() => socket.destroy(), REFUSAL_MS).unref();
      const answered = broken?.headersSent === true;
      socket.end(answered ? undefined : this.#options.malformedAnswer(status), () => socket.destroy());
    });
  }

  /** Calls back when the answer is out, unless the connection ends with it. */
  #afterAnswer(response: ServerResponse | undefined, socket: Duplex, then: () => void): void {
    const go = () => socket.writable && then();
    if (isOwed(response)) response.once("finish", go);
    else go();
  }
}

function ignore(): void {}

/** RFC 9112 section 9.6: what follows the last request that is answered is not done. Nobody would hear of it. */
function isClosing({ response, refused }: Connection): boolean {
  return refused || (isOwed(response) && !response.shouldKeepAlive);
}

function isOwed(response: ServerResponse | undefined): response is ServerResponse {
  return response !== undefined && !response.writableFinished && !response.destroyed;
}

const STATUS_OF: Readonly<Record<string, 408 | 413 | 431>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
