/**
 * The admin port: whether the process lives, whether it may serve, and its metrics. It shows no token and no secret. It
 * shares none of the main port's limits, because it must answer in overload and while the main port drains.
 */
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ListenAddress } from "../config/reading/listen-address.js";
import { AdminConnections } from "./admin-connections.js";
import type { FaultListener } from "./guard.js";
import { parseTarget } from "./dispatcher.js";

/** A part of the server that readiness depends on. */
export interface Part {
  readonly name: string;
  /** `degraded` still serves: taking the replica away would make things worse. */
  readonly state: "ok" | "degraded" | "failing";
  /** The age of its data. Milliseconds. */
  readonly ageMs?: number;
  /** For a person who reads `/readyz?verbose`. */
  readonly detail?: string;
}

export interface AdminOptions {
  readonly listen: ListenAddress;
  /** Must not wait for anything. */
  readonly parts: () => readonly Part[];
  readonly metrics: { readonly contentType: string; readonly read: () => Promise<string> };
  readonly onFault: FaultListener;
}

export interface AdminServer {
  /** Rejects if the address cannot be bound. */
  listen(): Promise<ListenAddress>;
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const TEXT = "text/plain; charset=utf-8";

export function createAdminServer({ listen, parts, metrics, onFault }: AdminOptions): AdminServer {
  let scrape: Promise<string> | undefined;
  /** Scrapes that overlap share one reading. */
  const readMetrics = () => (scrape ??= metrics.read().finally(() => (scrape = undefined)));

  const pages = new Map<string, (query: string | undefined) => Page | Promise<Page>>([
    ["/livez", () => ({ status: 200, contentType: TEXT, body: "ok\n" })],
    ["/readyz", (query) => readiness(parts(), new URLSearchParams(query).has("verbose"))],
    ["/metrics", async () => ({ status: 200, contentType: metrics.contentType, body: await readMetrics() })],
  ]);

  async function respond({ method, url = "" }: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, query } = parseTarget(url);
    const page = pages.get(path);
    if (page === undefined) return send(response, { status: 404, contentType: TEXT, body: "not found\n" });
    if (method !== "GET" && method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return send(response, { status: 405, contentType: TEXT, body: "only GET\n" });
    }
    send(response, await page(query));
  }

  const server = http.createServer({
    maxHeaderSize: 8 * 1024,
    headersTimeout: 2000,
    requestTimeout: 2000,
    keepAliveTimeout: 5000,
    connectionsCheckingInterval: 500,
  });
  const connections = new AdminConnections();
  server.on("connection", (socket: Socket) => connections.add(socket));
  server.on("request", (request, response) => {
    connections.busy(request.socket, response);
    respond(request, response).catch((error: unknown) => {
      onFault("request", error);
      if (!response.destroyed) send(response, { status: 500, contentType: TEXT, body: "failed\n" });
    });
  });

  return {
    listen() {
      const { promise, resolve, reject } = Promise.withResolvers<ListenAddress>();
      server.once("error", reject);
      server.listen(listen.port, listen.host, () => {
        server.off("error", reject);
        const address = server.address();
        if (address === null || typeof address === "string") reject(new Error("the admin port has no address"));
        else resolve({ host: address.address, port: address.port });
      });
      return promise;
    },
    close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      return promise;
    },
  };
}

/** A degraded part leaves the replica ready. */
function readiness(parts: readonly Part[], verbose: boolean): Page {
  const failing = parts.some(({ state }) => state === "failing");
  const verdict = failing ? "not ready" : parts.some(({ state }) => state === "degraded") ? "degraded" : "ok";
  const lines = verbose ? parts.map(describe) : [];
  return { status: failing ? 503 : 200, contentType: TEXT, body: `${[...lines, verdict].join("\n")}\n` };
}

function describe({ name, state, ageMs, detail }: Part): string {
  const age = ageMs === undefined ? "" : Number.isFinite(ageMs) ? ` age=${(ageMs / 1000).toFixed(1)}s` : " age=never";
  return `${MARKS[state]} ${name} ${state}${age}${detail === undefined ? "" : ` (${detail})`}`;
}

const MARKS = { ok: "[+]", degraded: "[~]", failing: "[-]" } as const;

function send(response: ServerResponse, { status, contentType, body }: Page): void {
  if (response.headersSent) return;
  response.writeHead(status, {
    "Content-Type": contentType,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
  });
  response.end(body);
}
