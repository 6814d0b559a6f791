/** A core that answers by simple rules, for tests of what the transports do themselves. */
import { generateKeyPairSync } from "node:crypto";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Introspection } from "../../../src/endpoints/introspection.js";
import { OAuthError, invalidCredentials, invalidRequest } from "../../../src/oauth/error.js";
import type { Caller, CallerRequest, Credentials, TokenRequest } from "../../../src/oauth/request.js";
import type { TokenResponse } from "../../../src/oauth/response.js";
import type { KeyInfo } from "../../../src/keys/key-operations.js";
import type { PublicJwk } from "../../../src/keys/signer.js";
import type { FeedEvent } from "../../../src/revocations/feed.js";
import { silentLogger } from "../../../src/telemetry/logger.js";
import { createServer, type Server, type ServerOptions } from "../../../src/transport/server.js";

/** What reached the core, and what was refused before it. */
export interface Seen {
  readonly tokens: TokenRequest[];
  readonly revocations: Parameters<ServerOptions["revocationEndpoint"]["revoke"]>[0][];
  readonly introspections: (CallerRequest & { readonly token: string })[];
  readonly refused: { readonly caller: Caller; readonly error: OAuthError }[];
  readonly faults: { readonly place: string; readonly error: unknown; readonly requestId: string | undefined }[];
}

/** A server on a free port with the fake core behind it. */
export interface TestServer extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
  readonly seen: Seen;
  readonly feed: FakeFeed;
  /** Set to change what the server thinks of itself. */
  readonly state: { ready: boolean; overloaded: boolean };
}

/** A feed that tests push into. */
export class FakeFeed {
  readonly snapshot: FeedEvent[] = [];
  followers = 0;
  #wake: (() => void) | undefined;
  readonly #live: FeedEvent[] = [];

  push(event: FeedEvent): void {
    this.#live.push(event);
    this.#wake?.();
  }

  async *subscribe(cursor: string | undefined, signal: AbortSignal): AsyncGenerator<FeedEvent> {
    if (cursor === "gone") throw invalidRequest("CURSOR_GONE", "The cursor is no longer kept.");
    this.followers += 1;
    try {
      if (cursor === undefined) yield* this.snapshot;
      yield { kind: "caught_up", cursor: "e.1-0" };
      while (!signal.aborted) {
        const next = this.#live.shift();
        if (next === undefined) await this.#news(signal);
        else yield next;
      }
    } finally {
      this.followers -= 1;
    }
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}

export const SECRET = "s3cr3t-of-the-fake-client";
const BASIC = `Basic ${Buffer.from(`spark:${SECRET}`).toString("base64")}`;

function authenticate({ authorization, clientId, clientSecret, clientAssertion }: Credentials): string {
  if (clientId === "spark" && clientSecret === SECRET) return "spark";
  if (authorization === BASIC) return "spark";
  if (clientAssertion === "good-assertion") return "spark";
  const scheme = authorization?.split(" ")[0];
  throw invalidCredentials("fake", scheme === "Bearer" || scheme === "Basic" ? scheme : undefined);
}

/** Errors that a scope word asks for, to get each shape of refusal on every transport. */
export const REFUSALS: Readonly<Record<string, () => unknown>> = {
  "throw:invalid_grant": () =>
    new OAuthError("invalid_grant", "REFRESH_TOKEN_INVALID", "The refresh token is no good."),
  "throw:unauthorized_client": () =>
    new OAuthError("unauthorized_client", "GRANT_NOT_ALLOWED", "The client may not use this grant."),
  "throw:invalid_scope": () => new OAuthError("invalid_scope", "SCOPE_NOT_ALLOWED", "Too much scope."),
  "throw:invalid_target": () => new OAuthError("invalid_target", "TARGET_NOT_ALLOWED", "Not this audience."),
  "throw:slow_down": () => new OAuthError("slow_down", "TOO_MANY_FAILURES", "Too many.", { retryAfterSeconds: 1 }),
  "throw:temporarily_unavailable": () =>
    new OAuthError("temporarily_unavailable", "STATE_UNAVAILABLE", "Away.", { retryAfterSeconds: 1 }),
  "throw:bug": () => new TypeError("cannot read properties of s3cr3t"),
  "throw:dirty": () => invalidRequest("PARAMETER_INVALID", `a "quote", a \\ and a\nnewline é ${"x".repeat(300)}`),
};

const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwk: PublicJwk = { ...publicKey.export({ format: "jwk" }), kty: "EC", kid: "kid-1", use: "sig", alg: "ES256" };

/** Starts a server. Everything may be replaced. */
export async function startServer(overrides: Partial<ServerOptions> = {}): Promise<TestServer> {
  const seen: Seen = { tokens: [], revocations: [], introspections: [], refused: [], faults: [] };
  const state = { ready: true, overloaded: false };
  const feed = new FakeFeed();
  const keys: KeyInfo[] = [{ kid: "kid-1", algorithm: "ES256", state: "active", publishedAt: 1000, activatesAt: 2000 }];
  const server = createServer({
    listen: { host: "127.0.0.1", port: 0 },
    issuer: "https://tokens.example.com",
    http: {
      tokenPaths: ["/api/catalog/v1/oauth/tokens"],
      trustedProxies: [],
      corsOrigins: ["https://app.example.com"],
      tls: undefined,
      maxConnectionAgeMs: 3_600_000,
      reflection: true,
    },
    limits: { maxConnections: 1000, connectionsPerAddress: 1000, maxInFlight: 100 },
    assertionAlgorithms: ["ES256", "PS512"],
    scopesSupported: () => ["catalog"],
    ready: () => state.ready,
    overloaded: () => state.overloaded,
    collector: { young() {}, all() {} },
    logger: silentLogger,
    clock: Date.now,
    events: {
      requestRefused: (_endpoint, caller, error) => void seen.refused.push({ caller, error }),
      unexpectedError: (place, error, requestId) => void seen.faults.push({ place, error, requestId }),
    },
    keyRing: { published: () => ({ keys: [jwk], maxAgeSeconds: 900 }) },
    keyOperations: {
      list: () => keys,
      rotate: async () => ({ kid: "kid-2", algorithm: "ES256", state: "published", publishedAt: 1, activatesAt: 2 }),
      revoke: async (kid) => {
        if (kid !== "kid-1") throw invalidRequest("KEY_UNKNOWN", "There is no such key.");
      },
    },
    feed,
    tokenEndpoint: {
      async token(request) {
        seen.tokens.push(request);
        const refusal = REFUSALS[request.scope ?? ""];
        if (refusal !== undefined) throw refusal();
        if (request.grant.type === "client_credentials") authenticate(request.credentials);
        const response: TokenResponse = {
          access_token: "header.payload.signature",
          token_type: "bearer",
          expires_in: 3600,
          issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
          ...(request.scope !== undefined && { scope: request.scope }),
        };
        return request.scope === "slow" ? sleep(300, response) : response;
      },
    },
    revocationEndpoint: {
      async revoke(request) {
        seen.revocations.push(request);
        authenticate(request.credentials);
        return { known: request.target.kind === "client" ? request.target.clientId === "etl" : undefined };
      },
    },
    introspectionEndpoint: {
      async introspect(request): Promise<Introspection> {
        seen.introspections.push(request);
        authenticate(request.credentials);
        return request.token === "live"
          ? { active: true, sub: "alice", exp: 1, act: { sub: "etl" } }
          : { active: false };
      },
      async introspectSigned(request) {
        authenticate(request.credentials);
        return "signed.introspection.jwt";
      },
    },
    operatorView: {
      clients: async () => ({ clients: [], usesSince: undefined, next: undefined }),
      revocations: () => ({ revocations: [], counts: new Map() }),
    },
    operators: {
      async run(_operation, { credentials }, work) {
        authenticate(credentials);
        return work();
      },
    },
    ...overrides,
  });
  const { port } = await server.listen();
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    seen,
    feed,
    state,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** A request for a token by client credentials, as bytes of HTTP/1.1. `headers` are whole lines. */
export function tokenRequest(parameters: Readonly<Record<string, string>> = {}, headers = ""): string {
  const client = { grant_type: "client_credentials", client_id: "spark", client_secret: SECRET };
  const body = new URLSearchParams({ ...client, ...parameters }).toString();
  const type = "Content-Type: application/x-www-form-urlencoded\r\n";
  const length = `Content-Length: ${body.length}\r\n`;
  return `POST /v1/oauth/tokens HTTP/1.1\r\nHost: x\r\n${type}${length}${headers}\r\n${body}`;
}

/** How long a connection is silent before an answer counts as whole. */
const SILENCE_MS = 40;

/** Sends bytes as they are, and returns all that comes back until the server closes, falls silent, or `waitMs` are over. */
export async function sendRaw(port: number, bytes: Buffer | string, waitMs = 500): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
  const timer = setTimeout(() => socket.destroy(), waitMs);
  socket.on("data", (chunk) => {
    chunks.push(chunk);
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    clearTimeout(timer);
    resolve(Buffer.concat(chunks).toString("latin1"));
  });
  return promise;
}
