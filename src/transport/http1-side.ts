/** The HTTP/1.1 half of the port: Node's server without a socket of its own, with every limit that a peer can strain. */
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import type { Clock } from "../time/clock.js";
import type { RetirementPlan } from "./connection-age.js";
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
  readonly clock: Clock;
}

interface Connection {
  readonly retireAt: number;
  /** The answer to the last request. */
  response: ServerResponse | undefined;
}

const SWEEP_MS = 50;

/** Serves the sockets that it is handed. */
export class Http1Side {
  readonly #server: http.Server;
  readonly #connections = new Map<Duplex, Connection>();
  readonly #options: Http1Options;
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
      },
      (request, response) => this.#serve(request, response),
    );
    // A client that has said all is owed its answer all the same. (Node's types do not know this member.)
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#refuse(error, socket));
    this.#server.on("connect", (_request, socket) => socket.end(this.#options.malformedAnswer(400)));
    this.#server.on("checkExpectation", ({ socket }) => socket.end(this.#options.malformedAnswer(417)));
    // Node starts the clocks of headersTimeout and requestTimeout only on 'listening', which a server without a socket
    // of its own never emits.
    this.#server.emit("listening");
  }

  accept(socket: Socket): void {
    socket.allowHalfOpen = true;
    this.#connections.set(socket, { retireAt: this.#options.retireAt(), response: undefined });
    socket.once("close", () => this.#connections.delete(socket));
    this.#server.emit("connection", socket);
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
    for (const socket of this.#connections.keys()) socket.destroy();
    this.#server.close(); // ends the clocks; there is no socket to close
  }

  #closeIdle(): void {
    for (const [socket, { response }] of this.#connections) {
      if (response === undefined || response.writableFinished) socket.destroy();
    }
    if (this.#connections.size > 0) setTimeout(() => this.#closeIdle(), SWEEP_MS).unref();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    if (connection !== undefined) {
      connection.response = response;
      if (this.#draining || this.#options.clock() > connection.retireAt) response.shouldKeepAlive = false;
    }
    this.#options.onRequest(request, response);
  }

  #refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    const response = this.#connections.get(socket)?.response;
    const answering = response !== undefined && response.headersSent && !response.writableFinished;
    if (!socket.writable || answering || error.code === "ECONNRESET") socket.destroy();
    else socket.end(this.#options.malformedAnswer(STATUS_OF[error.code ?? ""] ?? 400), () => socket.destroy());
  }
}

const STATUS_OF: Readonly<Record<string, 408 | 413 | 431>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
