/** The life of the main port: it listens, renews its certificate and drains. It knows connections, not requests. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.js";
import type { ListenAddress } from "../config/reading/listen-address.js";
import type { Logger } from "../telemetry/logger.js";
import { AddressLimit } from "./address-limit.js";
import type { FaultListener } from "./guard.js";
import type { Http1Side } from "./http1-side.js";
import type { Http2Side } from "./http2-side.js";
import { OnePort } from "./one-port.js";
import { readCertificate, watchCertificate } from "./tls-files.js";

/** Milliseconds. */
export interface DrainTimes {
  /** The server goes on serving after readiness failed: balancers need time to notice. */
  readonly delayMs: number;
  /** For requests in flight after that. Then all connections that are left are cut. */
  readonly graceMs: number;
}

export interface PortLifetimeOptions {
  readonly http1: Http1Side;
  readonly http2: Http2Side;
  readonly listen: ListenAddress;
  readonly http: Pick<Config["http"], "tls" | "trustedProxies">;
  readonly limits: Pick<Config["limits"], "maxConnections" | "connectionsPerAddress">;
  readonly timeouts: { readonly sniffMs: number; readonly lingerMs: number };
  /** Called when connections begin to close. Endless streams end then. */
  readonly onClosing: () => void;
  readonly onFault: FaultListener;
  readonly logger: Logger;
}

export class PortLifetime {
  readonly #options: PortLifetimeOptions;
  #port: OnePort | undefined;
  #certificateWatch: Disposable | undefined;

  constructor(options: PortLifetimeOptions) {
    this.#options = options;
  }

  /** Rejects if the address cannot be bound or the certificate cannot be read. */
  async listen(): Promise<ListenAddress> {
    const { http1, http2, http, limits, timeouts, listen, logger, onFault } = this.#options;
    const certificate = http.tls && (await readCertificate(http.tls));
    const port = new OnePort({
      http1,
      http2,
      certificate,
      sniffTimeoutMs: timeouts.sniffMs,
      maxConnections: limits.maxConnections,
      perAddress: new AddressLimit(limits.connectionsPerAddress, http.trustedProxies),
      onFault,
    });
    const bound = await port.listen(listen.port, listen.host);
    this.#port = port;
    if (http.tls && certificate) {
      const onChange = port.renewCertificate.bind(port);
      this.#certificateWatch = watchCertificate({ files: http.tls, started: certificate, logger, onChange });
    }
    return { host: bound.address, port: bound.port };
  }

  /** Loses no request. Resolves when the last connection has ended or was cut. */
  async drain({ delayMs, graceMs }: DrainTimes): Promise<void> {
    const { http1, http2, timeouts, onClosing } = this.#options;
    await sleep(delayMs);
    await this.#port?.takeWaiting();
    this.#certificateWatch?.[Symbol.dispose]();
    const lingerMs = Math.min(timeouts.lingerMs, graceMs);
    const closed = this.#port?.close(lingerMs);
    onClosing();
    http1.drain(lingerMs);
    http2.drain(lingerMs);
    const cut = setTimeout(() => this.#destroy(), graceMs);
    await closed;
    clearTimeout(cut);
    this.#destroy();
  }

  connections(): { readonly total: number; readonly http1: number; readonly http2: number } {
    const { http1, http2 } = this.#options;
    return { total: this.#port?.connections() ?? 0, http1: http1.connections(), http2: http2.connections() };
  }

  #destroy(): void {
    this.#options.http1.destroy();
    this.#options.http2.destroy();
    this.#port?.destroy();
  }
}
