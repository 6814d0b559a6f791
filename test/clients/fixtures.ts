/** Clients of the tests, and an authenticator over them, with everything around it. */
import { Buffer } from "node:buffer";
import { createHash, randomBytes, scryptSync } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { createClientAuthenticator } from "../../src/clients/client-authenticator.js";
import { clientSet, type ClientRegistry } from "../../src/clients/client-registry.js";
import type { Client, ClientSecret } from "../../src/clients/client.js";
import type { Wait } from "../../src/clients/failure-pause.js";
import { createFailedLoginLimiter } from "../../src/limits/limiter.js";
import type { FailedLogins } from "../../src/storage/failed-logins.js";
import type { CallerRequest, Credentials } from "../../src/oauth/request.js";
import { createIssuerTokenVerifier } from "../../src/issuers/verifier.js";
import { createIssuerKeys } from "../../src/issuers/keys.js";
import type { ReplayPurpose } from "../../src/storage/replays.js";
import type { TrustedIssuer } from "../../src/issuers/trusted-issuer.js";
import type { SigningKey } from "../tokens/signing-key.js";
import { NOW, OWN_ISSUER } from "../tokens/trusted-issuer-fixture.js";
import { HOUR } from "../../src/time/clock.js";

/** FailedLogins that a bucket holds here. */
export const BURST = 5;
export const TOKEN_URL = `${OWN_ISSUER}/v1/oauth/tokens`;

/** A client, but for what is given. */
export function client(id: string, different: Partial<Client> = {}): Client {
  const nothing = { allowed: new Set<string>(), default: [] };
  return {
    id,
    name: undefined,
    secrets: [],
    federated: [],
    keys: undefined,
    singleUse: false,
    grants: new Set(["client_credentials"]),
    scopes: nothing,
    audiences: nothing,
    claims: {},
    userClaims: {},
    mayActFor: new Set(),
    accessTtlMs: HOUR,
    permissions: new Set(),
    serves: undefined,
    disabled: false,
    actForIssuers: undefined,
    unsecuredSubjects: undefined,
    workload: undefined,
    ...different,
  };
}

/** A generated secret's digest. */
export function digestOf(secret: string, different: { identifies?: boolean; expiresAt?: number } = {}): ClientSecret {
  const sha256 = createHash("sha256").update(secret).digest("hex");
  return {
    kind: "digest",
    name: `sha256:${sha256.slice(0, 8)}`,
    sha256,
    identifies: different.identifies ?? true,
    expiresAt: different.expiresAt,
  };
}

/** A chosen secret's hash; cheap, but for `logN`. */
export function scryptOf(secret: string, logN = 4, expiresAt?: number): ClientSecret {
  const salt = randomBytes(16);
  const hash = scryptSync(secret, salt, 32, { cost: 2 ** logN, blockSize: 8, parallelization: 1, maxmem: 2 ** 28 });
  return { kind: "scrypt", name: "chosen", logN, r: 8, p: 1, salt, hash, expiresAt };
}

/** A Basic header of this text. */
export function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

export function request(credentials: Credentials, address = "192.0.2.1"): CallerRequest {
  return { credentials, caller: { requestId: "r1", transport: "form", address } };
}

/** An authenticator over these clients. `jwks` are the key sets that URLs answer; others are unreachable, and those of `slow.` hosts never end. */
export function authenticatorOver(
  clients: readonly Client[],
  around: {
    readonly issuers?: readonly TrustedIssuer[];
    readonly jwks?: Readonly<Record<string, readonly SigningKey["jwk"][]>>;
    readonly replaysAway?: Error;
    readonly failedLogins?: FailedLogins;
    readonly wait?: Wait;
  } = {},
) {
  const time = { now: NOW * 1000 };
  const clock = () => time.now;
  const registry: { current: ClientRegistry["current"] } = { current: clientSet(clients) };
  const used = new Map<string, number>();
  const purposes = new Map<string, ReplayPurpose>();
  const keys = createIssuerKeys({
    clock,
    readFile: () => Promise.reject(new Error("no files here")),
    fetchJson({ url }) {
      if (url.startsWith("https://slow.")) return Promise.withResolvers<never>().promise;
      const found = around.jwks?.[url];
      if (found === undefined) return Promise.reject(new Error("unreachable"));
      return Promise.resolve({ json: { keys: found }, maxAgeSeconds: undefined });
    },
  });
  const limiter = createFailedLoginLimiter({
    policy: { burst: BURST, intervalMs: 2000 },
    clock,
    failedLogins: around.failedLogins,
  });
  const authenticator = createClientAuthenticator({
    registry,
    limiter,
    issuerTokens: createIssuerTokenVerifier({
      issuers: () => around.issuers ?? [],
      ownIssuer: OWN_ISSUER,
      tokenEndpointUrls: [TOKEN_URL],
      keys,
      clock,
    }),
    keys,
    replays: {
      use(id, purpose, expiresAt) {
        if (around.replaysAway) return Promise.reject(around.replaysAway);
        const known = purposes.get(id);
        used.set(id, expiresAt);
        purposes.set(id, known ?? purpose);
        if (known === undefined) return Promise.resolve("first");
        return Promise.resolve(known === purpose ? "repeated" : "used_otherwise");
      },
    },
    clock,
    issuer: OWN_ISSUER,
    tokenEndpointUrls: [TOKEN_URL],
    random: randomBytes,
    // Later than anything that is fetched here, and no later.
    wait: around.wait ?? (() => setImmediate(undefined)),
  });
  const authenticate = async (credentials: Credentials, address?: string) =>
    authenticator.authenticate(request(credentials, address));
  return { authenticator, authenticate, limiter, registry, time, used };
}

/** What a refused authentication threw. */
export async function refusalOf(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => new Error("was not refused"),
    (error: unknown) => error,
  );
}
