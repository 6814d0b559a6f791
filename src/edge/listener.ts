/** Opens and closes the HTTP servers of an edge. */
import { once } from "node:events";
import { chmod, lstat, rename, unlink } from "node:fs/promises";
import http, { type RequestListener } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { spellListenAddress } from "../config/reading/listen-address.js";
import { SECOND } from "../time/clock.js";
import type { EndpointAddress } from "./settings/settings.js";

export interface Listener {
  /** `host:port`, or `unix:` and the path. */
  readonly address: string;
  /** Accepts no new connection, and resolves when the requests in flight are answered or the time is up. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 1000;
/** A slow sender holds a connection no longer. */
const REQUEST_TIMEOUT_MS = 10 * SECOND;
/** The owner and the group: the file's mode is all that protects a socket. */
const SOCKET_MODE = 0o660;

/** Rejects if the address cannot be bound. */
export async function listen(address: EndpointAddress, onRequest: RequestListener): Promise<Listener> {
  const server = http.createServer(
    {
      maxHeaderSize: 32 * 1024,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: 60 * SECOND,
      connectionsCheckingInterval: SECOND,
    },
    onRequest,
  );
  server.maxConnections = MAX_CONNECTIONS;
  // A malformed request and a caller that goes away end their own connection only.
  server.on("clientError", (_error, socket) => void socket.destroy());
  const spelled =
    address.kind === "unix" ? await listenOnSocket(server, address.path) : await listenOnPort(server, address);
  return {
    address: spelled,
    async drain(graceMs) {
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      const timer = new AbortController();
      await Promise.race([closed, sleep(graceMs, undefined, { signal: timer.signal }).catch(() => {})]);
      timer.abort();
    },
    async close() {
      if (address.kind === "unix") await unlink(address.path).catch(() => {}); // removed by another
      const closed = server.listening ? once(server, "close") : undefined;
      server.close(() => {}); // it may be closed already
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listenOnPort(server: http.Server, { host, port }: { host: string; port: number }): Promise<string> {
  server.listen(port, host);
  await once(server, "listening");
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the server has no address");
  return spellListenAddress({ host: bound.address, port: bound.port });
}

/**
 * Binds beside the path and moves the socket there: it never has another mode than its own, and what a former process
 * left is replaced. Rejects if a process answers there.
 */
async function listenOnSocket(server: http.Server, path: string): Promise<string> {
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isSocket()) throw new Error(`${path} is there and is no socket`);
  if (found !== undefined && (await isAnswered(path))) throw new Error(`${path} is in use`);
  const beside = `${path}.new`;
  await unlink(beside).catch(() => {}); // usually there is none
  server.listen(beside);
  await once(server, "listening");
  await chmod(beside, SOCKET_MODE);
  await rename(beside, path);
  return `unix:${path}`;
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
