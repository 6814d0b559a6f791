/**
 * The admin port: whether the process lives, whether it may serve, and its metrics. It shows no token and no secret. It
 * shares none of the main port's limits, because it must answer in overload and while the main port drains.
 */
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { type Socket, isIP } from "node:net";
import type { ListenAddress } from "../config/reading/listen-address.js";
import { AdminConnections } from "./admin-connections.js";
import type { FaultListener } from "./guard.js";
import { OAuthError } from "../oauth/error.js";
import { STATUS_HEADERS } from "./status-style.js";
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
  /** The status page for a caller. Throws `OAuthError` to refuse. Undefined: there is none. */
  readonly status: ((caller: StatusCaller) => Promise<string>) | undefined;
}

export interface StatusCaller {
  readonly authorization: string | undefined;
  readonly address: string;
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
  readonly headers?: Readonly<Record<string, string>>;
}

const TEXT = "text/plain; charset=utf-8";

export function createAdminServer({ listen, parts, metrics, status, onFault }: AdminOptions): AdminServer {
  let scrape: Promise<string> | undefined;
  /** Scrapes that overlap share one reading. */
  const readMetrics = () => (scrape ??= metrics.read().finally(() => (scrape = undefined)));

  const pages = new Map<string, (query: string | undefined) => Page | Promise<Page>>([
    ["/livez", () => ({ status: 200, contentType: TEXT, body: "ok\n" })],
    ["/readyz", (query) => readiness(parts(), new URLSearchParams(query).has("verbose"))],
    ["/metrics", async () => ({ status: 200, contentType: metrics.contentType, body: await readMetrics() })],
  ]);

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = "" } = request;
    const { path, query } = parseTarget(url);
    const page = path === "/" && status !== undefined ? () => statusFor(request, status) : pages.get(path);
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

async function statusFor(
  { headers, socket }: IncomingMessage,
  status: NonNullable<AdminOptions["status"]>,
): Promise<Page> {
  if (!isOwnHost(headers.host)) return { status: 403, contentType: TEXT, body: "this host name is not served here\n" };
  try {
    const body = await status({ authorization: headers.authorization, address: socket.remoteAddress ?? "" });
    return { status: 200, contentType: "text/html; charset=utf-8", body, headers: STATUS_HEADERS };
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    const isLogin = error.code === "invalid_client";
    const challenge = isLogin ? { "WWW-Authenticate": 'Basic realm="icemint", charset="UTF-8"' } : {};
    const refused = error.code === "slow_down" ? 429 : error.code === "temporarily_unavailable" ? 503 : 403;
    return { status: isLogin ? 401 : refused, contentType: TEXT, body: `${error.message}\n`, headers: challenge };
  }
}

/** A page elsewhere can give this address a name of its own (DNS rebinding), but no name to an address as such. */
function isOwnHost(host: string | undefined): boolean {
  const name = /^(\[[0-9A-Fa-f:.]+\]|[^:]+)(?::\d{1,5})?$/.exec(host ?? "")?.[1] ?? "";
  return name.toLowerCase() === "localhost" || isIP(name.replace(/^\[|\]$/g, "")) !== 0;
}

function send(response: ServerResponse, { status, contentType, body, headers }: Page): void {
  if (response.headersSent) return;
  response.writeHead(status, {
    ...headers,
    "Content-Type": contentType,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
  });
  response.end(body);
}
