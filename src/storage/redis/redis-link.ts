/** Connections to Redis. A dead one fails fast and is replaced soon. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { Cluster, Redis } from "ioredis";
import { type Credentials, credentialsOf, sentinelCredentialsOf } from "./credentials.js";
import { createTlsMismatch } from "./tls-mismatch.js";

/** TLS of a connection to Redis or to a Sentinel, by file: a renewed certificate takes effect. */
export interface RedisTlsSettings {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** The name that the certificate must carry, where it is not that of the address. */
  readonly servername: string | undefined;
}

export interface RedisSettings {
  readonly topology:
    | {
        readonly kind: "single";
        readonly url: string;
        /** The file that the URL came from: its user and password are read for each connection. */
        readonly urlFile: string | undefined;
      }
    | {
        readonly kind: "sentinel";
        readonly hosts: readonly string[];
        readonly master: string;
        readonly username: string | undefined;
        readonly passwordFile: string | undefined;
        /** Of the connections to Sentinels; undefined: in clear. */
        readonly tls: RedisTlsSettings | undefined;
      }
    | { readonly kind: "cluster"; readonly hosts: readonly string[] };
  /** Starts every key. */
  readonly prefix: string;
  readonly username: string | undefined;
  /** Read for each connection: a rotated password takes effect. */
  readonly passwordFile: string | undefined;
  readonly tls: RedisTlsSettings | undefined;
}

/** One server, the present master of the Sentinels, or a cluster. */
export type RedisLink = Redis | Cluster;

/**
 * `request`: a server that has said nothing for a second is dead; callers wait less (`redis-caller.ts`, whose deadline is
 * the only one of a command), and not at all while there is no connection. `tail`: the same for XREAD BLOCK of at most a
 * second, which shorter time-outs would kill.
 */
export type LinkPurpose = "request" | "tail";

const TIMEOUTS = {
  request: { socketTimeout: 1000 },
  tail: { commandTimeout: 2000, socketTimeout: 2500 },
} as const satisfies Record<LinkPurpose, object>;

const CONNECT_TIMEOUT_MS = 500;
const REVIVE_MS = 50;
const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26_379;

/** Hears how the connections do. */
export interface LinkListener {
  connected(): void;
  connectionFailed(error: unknown): void;
}

/** Opens a connection; it goes on by itself until the signal aborts. */
export function openLink(
  settings: RedisSettings,
  purpose: LinkPurpose,
  closing: AbortSignal,
  listener?: LinkListener,
): RedisLink {
  const link = newLink(settings, purpose);
  const mismatch = mismatchOf(link);
  for (const event of ["error", "node error"]) {
    link.on(event, (error: unknown) => listener?.connectionFailed(mismatch?.explain(error) ?? error));
  }
  link.on("ready", () => {
    mismatch?.forget();
    listener?.connected();
  });
  link.on("end", () => {
    setTimeout(() => {
      if (!closing.aborted) link.connect().catch(() => {}); // it ends again, and comes back here
    }, REVIVE_MS).unref();
  });
  closing.addEventListener("abort", () => link.disconnect(), { once: true });
  return link;
}

/** Sentinels and clusters name addresses that are not known here. */
function mismatchOf(link: RedisLink): ReturnType<typeof createTlsMismatch> | undefined {
  if (link instanceof Cluster || link.options.sentinels) return undefined;
  const { host = "localhost", port = DEFAULT_PORT, tls } = link.options;
  return createTlsMismatch({ host, port, hasTls: tls !== undefined });
}

function newLink(settings: RedisSettings, purpose: LinkPurpose): RedisLink {
  const { topology } = settings;
  const options = { ...linkOptions(settings, purpose), lazyConnect: true };
  const credentials = credentialsOf(settings);
  switch (topology.kind) {
    case "single":
      return connecting(new Redis(topology.url, { ...options, retryStrategy }), credentials);
    case "sentinel":
      return connecting(newSentinelLink(topology, options), credentials);
    default:
      return newCluster(topology.hosts, options, credentials);
  }
}

type LinkOptions = ReturnType<typeof linkOptions>;

/** Begins to connect. ioredis copies its options once and reads the copy for each connection. */
function connecting(link: Redis, credentials: Credentials): Redis {
  readForEachConnection(link, credentials);
  link.connect().catch(() => {}); // it reports itself as an event
  return link;
}

function readForEachConnection({ options }: Redis, credentials: Credentials): void {
  Object.defineProperties(options, Object.getOwnPropertyDescriptors(credentials));
}

function newSentinelLink(
  topology: Extract<RedisSettings["topology"], { readonly kind: "sentinel" }>,
  options: LinkOptions,
): Redis {
  const link = new Redis({
    ...options,
    retryStrategy,
    name: topology.master,
    sentinels: topology.hosts.map((host) => parseHost(host, DEFAULT_SENTINEL_PORT)),
    ...(topology.tls && { sentinelTLS: tlsOptions(topology.tls) }),
    ...(options.tls && { enableTLSForSentinelMode: true }),
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    sentinelRetryStrategy: retryStrategy,
    failoverDetector: true,
  });
  Object.defineProperties(link.options, Object.getOwnPropertyDescriptors(sentinelCredentialsOf(topology)));
  return link;
}

function newCluster(hosts: readonly string[], options: LinkOptions, credentials: Credentials): Cluster {
  const link = new Cluster(
    hosts.map((host) => parseHost(host, DEFAULT_PORT)),
    {
      redisOptions: options,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryStrategy,
      clusterNodeRetryStrategy: retryStrategy,
      // A caller waits 300 ms at most, so few tries are of any use.
      maxRedirections: 4,
      retryDelayOnFailover: 50,
      retryDelayOnClusterDown: 50,
      slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
      slotsRefreshInterval: 2000,
      // Nodes are named by addresses, certificates by host names: the name that was configured must stay.
      ...(options.tls && { dnsLookup: (host, done) => done(null, host) }),
    },
  );
  link.on("+node", (node: Redis) => readForEachConnection(node, credentials));
  return link;
}

/** Resolves once the connection can be used, or after a while without it. */
export async function whenReady(link: RedisLink, withinMs: number): Promise<void> {
  if (link.status === "ready") return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      link.off("ready", end);
      resolve();
    };
    const timer = setTimeout(end, withinMs);
    link.once("ready", end);
  });
}

function linkOptions(settings: RedisSettings, purpose: LinkPurpose) {
  return {
    ...TIMEOUTS[purpose],
    ...(settings.tls !== undefined && { tls: tlsOptions(settings.tls) }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    connectionName: `icemint-${purpose}`,
    disableClientInfo: true,
    protocol: 2 as const,
    enableAutoPipelining: purpose === "request",
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // A demoted master answers READONLY: connect to the present one.
    reconnectOnError: (error: Error) => error.message.includes("READONLY"),
  };
}

/** Read for every connection: certificates are renewed on disk. */
function tlsOptions({ caFile, certFile, keyFile, servername }: RedisTlsSettings): ConnectionOptions {
  return {
    ...(servername !== undefined && { servername }),
    get ca() {
      return caFile === undefined ? undefined : readFileSync(caFile);
    },
    get cert() {
      return certFile === undefined ? undefined : readFileSync(certFile);
    },
    get key() {
      return keyFile === undefined ? undefined : readFileSync(keyFile);
    },
  };
}

/** 50 ms, doubled up to a second, with jitter: a server that is back is found soon, and not by all at once. */
function retryStrategy(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt - 1, 10), 1000) + Math.random() * 50;
}

/** `host:port`, `[IPv6]:port`, or a host alone. */
function parseHost(text: string, defaultPort: number): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  return { host: bracketed ?? plain ?? text, port: port === undefined ? defaultPort : Number(port) };
}
