/**
 * The HTTP/1.1 half of the port: Node's server, fed with sockets that the port accepted. It owns the lives of its
 * connections, and the limits that a peer can strain. It does not know what requests mean.
 */
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
  /** For the next request on a kept connection. Balancers keep theirs for 60 s, and should be the ones to close. */
  readonly keepAliveMs: number;
}

export interface Http1Options {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** The answer to bytes that are no request: a complete HTTP/1.1 message that closes the connection. */
  readonly malformedAnswer: (status: 400 | 408 | 413 | 417 | 431) => string;
  readonly timeouts: Http1Timeouts;
  readonly retireAt: RetirementPlan;
  /** For an answer that outlives its connection's age. Then the connection is cut. Milliseconds. */
  readonly graceMs: number;
  readonly departures: Departures;
  readonly onFault: FaultListener;
  readonly clock: Clock;
}

interface Connection {
  readonly retireAt: number;
  /** The answer to the last request. */
  response: ServerResponse | undefined;
  /** The answer to the request before it, if it was not out when the last request came. */
  previous: ServerResponse | undefined;
  /** Whether a refusal ends the connection. */
  refused: boolean;
}

const SWEEP_MS = 50;
/** For a peer to read the refusal of bytes that are no request. */
const REFUSAL_MS = 1000;
const RETIRE_EVERY_MS = 1000;
/** In which the first line of another protocol ends, in bytes. */
const MAX_PREFACE_LINE = 64;

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
    // A client that has half-closed still gets its answer. (Node's types lack this member.)
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
    // Node starts the clocks of headersTimeout and requestTimeout on 'listening'. A server without a socket of its own
    // never emits that.
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
   * Every answer closes its connection from here on. A connection without a request gets `lingerMs` to send one,
   * because the client may have sent it already, and closing would lose it.
   */
  drain(lingerMs: number): void {
    this.#draining = true;
    for (const { response } of this.#connections.values()) {
      if (response !== undefined && !response.headersSent) response.shouldKeepAlive = false;
    }
    setTimeout(() => this.#closeIdle(), lingerMs).unref();
  }

  /** Cuts all connections that are left. */
  destroy(): void {
    clearInterval(this.#retiring);
    for (const socket of this.#connections.keys()) socket.destroy();
    this.#server.close(); // ends the clocks; there is no socket to close
  }

  /** Asks endless answers on old connections to end. After a grace it cuts the connection. */
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

  /** Serves the request as though it asked for no upgrade, once the requests before it are answered. */
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
    else if (this.#connections.get(socket)?.response === undefined && isOtherProtocol(error)) socket.destroy();
    else this.#refuse(socket, STATUS_OF[error.code ?? ""] ?? 400);
  }

  /**
   * Refuses bytes that are no request, after the answers to the requests before them. Those requests are done, and one
   * may have spent a refresh token.
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

/** RFC 9112 section 9.6: requests after the last answered one are not served. Their clients would get no answer. */
function isClosing({ response, refused }: Connection): boolean {
  return refused || (isOwed(response) && !response.shouldKeepAlive);
}

function isOwed(response: ServerResponse | undefined): response is ServerResponse {
  return response !== undefined && !response.writableFinished && !response.destroyed;
}

/**
 * Whether a connection began with a line like that of a request, for another protocol. Its client cannot read an answer
 * in HTTP/1.1: a broken preface of HTTP/2 is to be answered by the end alone (RFC 9113 section 3.4).
 */
function isOtherProtocol({ rawPacket }: NodeJS.ErrnoException & { readonly rawPacket?: Buffer }): boolean {
  const [line = ""] = rawPacket?.toString("latin1", 0, MAX_PREFACE_LINE).split("\r\n", 1) ?? [];
  return /^[A-Z]+ \S+ (?!HTTP\/)\S+$/i.test(line);
}

const STATUS_OF: Readonly<Record<string, 408 | 413 | 431>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
