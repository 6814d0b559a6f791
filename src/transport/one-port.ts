/**
 * One listening port for HTTP/1.1 and HTTP/2. In cleartext it tells them apart by the connection preface (prior
 * knowledge, RFC 9113 section 3.3), over TLS by ALPN. A port is either cleartext or TLS: on a mixed port, an attacker
 * could talk a client down to cleartext. It knows connections, not requests.
 */
import net, { type AddressInfo, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import tls from "node:tls";
import type { AddressLimit } from "./address-limit.js";
import { guarded, type FaultListener } from "./guard.js";
import type { Http1Side } from "./http1-side.js";
import type { Http2Side } from "./http2-side.js";
import type { CertificatePair } from "./tls-files.js";

export interface OnePortOptions {
  readonly http1: Http1Side;
  readonly http2: Http2Side;
  /** Undefined for cleartext. */
  readonly certificate?: CertificatePair | undefined;
  /** For a new connection to show what it speaks. */
  readonly sniffTimeoutMs: number;
  /** Further ones are dropped at once. */
  readonly maxConnections: number;
  readonly perAddress: Pick<AddressLimit, "enter">;
  readonly onFault: FaultListener;
}

const MAX_TURNS = 1000;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** The port, from `listen` to `destroy`. */
export class OnePort {
  readonly #front: net.Server | tls.Server;
  readonly #sockets = new Set<Socket>();
  /** The ones that have not shown yet what they speak. */
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

  /** Rejects if the address cannot be bound. */
  listen(port: number, host: string): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
    this.#front.once("error", reject);
    this.#front.listen(port, host, () => {
      this.#front.off("error", reject);
      this.#front.on("error", ignore); // a failed accept, such as EMFILE: the next may succeed
      const address = this.#front.address();
      if (address === null || typeof address === "string") reject(new Error("the port has no address"));
      else resolve(address);
    });
    return promise;
  }

  connections(): number {
    return this.#sockets.size;
  }

  /** New handshakes use this pair. Open connections keep theirs. */
  renewCertificate(pair: CertificatePair): void {
    if (this.#front instanceof tls.Server) this.#front.setSecureContext(pair);
  }

  /**
   * Waits until Node has accepted every connection that the kernel already holds. Closing the port would reset them,
   * and Node accepts only one in each turn of its loop. Bounded, because more may go on coming.
   */
  async takeWaiting(): Promise<void> {
    for (let turn = 0, before = -1; turn < MAX_TURNS && before !== this.#taken; turn++) {
      before = this.#taken;
      await setImmediate();
      await setImmediate(); // between the two, Node has polled the port
    }
  }

  /**
   * Accepts no new connections. Resolves when the last one has ended. Connections that have not shown what they speak
   * are cut after `lingerMs`. The two halves end all others.
   */
  close(lingerMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#front.close(() => resolve());
    setTimeout(() => this.#silent.forEach((socket) => socket.destroy()), lingerMs).unref();
    return promise;
  }

  /** Cuts all connections that are left. */
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

  /** Keeps the bytes until they are enough. Node promises no 'readable' for bytes behind those that were put back. */
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
