/**
 * One listening port for HTTP/1.1 and HTTP/2: cleartext by the connection preface (prior knowledge, RFC 9113 section
 * 3.3), TLS by ALPN. A port is either cleartext or TLS, never both: a mix would let a client be talked down to
 * cleartext. Knows connections, not requests.
 */
import net, { type AddressInfo, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import tls from "node:tls";
import type { AddressLimit } from "./address-limit.js";
import { guarded, type FaultListener } from "./guard.js";
import type { Http1Side } from "./http1-side.js";
import type { Http2Side } from "./http2-side.js";
import type { CertificatePair } from "./tls-files.js";

/** What the port is made of. */
export interface OnePortOptions {
  readonly http1: Http1Side;
  readonly http2: Http2Side;
  /** Absent: cleartext. */
  readonly certificate?: CertificatePair | undefined;
  /** For a new connection to show what it speaks. */
  readonly sniffTimeoutMs: number;
  /** Further ones are dropped at once. */
  readonly maxConnections: number;
  /** Counts the connections of each address. */
  readonly perAddress: Pick<AddressLimit, "enter">;
  readonly onFault: FaultListener;
}

const MAX_TURNS = 1000;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** The port, from `listen` to `destroy`. */
export class OnePort {
  readonly #front: net.Server | tls.Server;
  readonly #sockets = new Set<Socket>();
  /** Those of them that have not shown yet what they speak. */
  readonly #silent = new Set<Socket>();
  readonly #options: OnePortOptions;
  /** Connections since the start. */
  #taken = 0;

  constructor(options: OnePortOptions) {
    this.#options = options;
    this.#front = options.certificate === undefined ? this.#cleartext() : this.#tls(options.certificate);
    this.#front.maxConnections = options.maxConnections;
    this.#front.prependListener("connection", (socket: Socket) => {
      this.#taken += 1;
      const leave = options.perAddress.enter(socket.remoteAddress);
      if (leave === undefined) return void socket.destroy();
      this.#sockets.add(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        leave();
      });
    });
  }

  /** Rejects if the address cannot be had. */
  listen(port: number, host: string): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
    this.#front.once("error", reject);
    this.#front.listen(port, host, () => {
      this.#front.off("error", reject);
      this.#front.on("error", ignore); // an accept that failed, for want of file descriptors: the next one may succeed
      const address = this.#front.address();
      if (address === null || typeof address === "string") reject(new Error("the port has no address"));
      else resolve(address);
    });
    return promise;
  }

  connections(): number {
    return this.#sockets.size;
  }

  /** New handshakes use this pair; connections that exist keep theirs. */
  renewCertificate(pair: CertificatePair): void {
    if (this.#front instanceof tls.Server) this.#front.setSecureContext(pair);
  }

  /**
   * Waits until every connection that the kernel has already made is taken: closing the port would reset those, and Node
   * takes no more than one in each turn of its loop. Bounded, as others may go on coming.
   */
  async takeWaiting(): Promise<void> {
    for (let turn = 0, before = -1; turn < MAX_TURNS && before !== this.#taken; turn++) {
      before = this.#taken;
      await setImmediate();
      await setImmediate(); // between the two lies a whole look at the port
    }
  }

  /**
   * Takes no new connections; resolves when the last one has ended. Those that show nothing of what they speak are cut
   * after `lingerMs`; all others are the two halves' to end.
   */
  close(lingerMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#front.close(() => resolve());
    setTimeout(() => this.#silent.forEach((socket) => socket.destroy()), lingerMs).unref();
    return promise;
  }

  /** Cuts what is left. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #tls(certificate: CertificatePair): tls.Server {
    const server = tls.createServer(
      {
        ...certificate,
        ALPNProtocols: ["h2", "http/1.1"],
        minVersion: "TLSv1.2",
        handshakeTimeout: this.#options.sniffTimeoutMs,
        noDelay: true,
        keepAlive: true,
      },
      guarded(
        (socket: tls.TLSSocket) => this.#hand(socket, socket.alpnProtocol === "h2"),
        (error, socket) => this.#failed(error, socket),
      ),
    );
    return server.on("tlsClientError", ignore);
  }

  #cleartext(): net.Server {
    return net.createServer({ noDelay: true, keepAlive: true }, (socket) => {
      socket.on("error", ignore);
      socket.setTimeout(this.#options.sniffTimeoutMs, () => socket.destroy());
      this.#silent.add(socket);
      socket.once("close", () => this.#silent.delete(socket));
      this.#sniff(socket);
    });
  }

  /** What came so far is kept here until it is enough: 'readable' is not promised for more behind bytes that were put back. */
  #sniff(socket: Socket): void {
    let begin = Buffer.alloc(0);
    const sniff = (): void => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      begin = Buffer.concat([begin, chunk]);
      const length = Math.min(begin.length, PREFACE.length);
      const isHttp2 = begin.compare(PREFACE, 0, length, 0, length) === 0;
      if (isHttp2 && length < PREFACE.length) return; // the P of POST, or of PRI?
      socket.off("readable", look);
      socket.unshift(begin); // both halves accept bytes that were read before they got the socket
      this.#hand(socket, isHttp2);
    };
    const look = guarded(sniff, (error) => this.#failed(error, socket));
    socket.on("readable", look);
  }

  #failed(error: unknown, socket: Socket): void {
    this.#options.onFault("connection", error);
    socket.destroy();
  }

  #hand(socket: Socket, http2: boolean): void {
    this.#silent.delete(socket);
    socket.setTimeout(0);
    socket.removeAllListeners("timeout");
    if (http2) this.#options.http2.accept(socket);
    else this.#options.http1.accept(socket);
  }
}

function ignore(): void {}
