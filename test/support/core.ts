/** The whole core on memory storage with a fake clock, a recorded audit and clients made in one line. */
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { type Core, createCore } from "../../src/app/core.js";
import type { Client } from "../../src/clients/client.js";
import { clientSet } from "../../src/clients/client-registry.js";
import { createMemoryKeyRing } from "../../src/keys/memory-key-ring.js";
import { createFailedLoginLimiter } from "../../src/limits/limiter.js";
import { DAY, HOUR, MINUTE, SECOND, toSeconds } from "../../src/time/clock.js";
import { type OAuthError, toOAuthError } from "../../src/oauth/error.js";
import type { Decision, Events } from "../../src/oauth/events.js";
import type { JsonObject } from "../../src/oauth/json.js";
import { pooledRandomId } from "../../src/crypto/random-id.js";
import type {
  Caller,
  Credentials,
  GrantParameters,
  TokenExchangeParameters,
  TokenRequest,
} from "../../src/oauth/request.js";
import type { TokenResponse } from "../../src/oauth/response.js";
import { createMemoryStorage } from "../../src/storage/memory/memory-storage.js";
import { RevocationFeed } from "../../src/revocations/feed.js";
import { RevocationTable } from "../../src/revocations/table.js";
import type { TrustedIssuer } from "../../src/issuers/trusted-issuer.js";

export const ISSUER = "https://tokens.example.com";
export const IDP = "https://idp.example.com";
export const CALLER: Caller = { requestId: "r", transport: "form", address: "192.0.2.1" };

/** A secret for a client, long enough for the rules. */
export function secretOf(id: string): string {
  return `secret-of-${id}-0123456789abcdef`;
}

/** A client with a secret (`secretOf`), both grants and the default scopes; change what the test is about. */
export function client(id: string, changes: Partial<Client> = {}): Client {
  return {
    id,
    name: undefined,
    secrets: [
      {
        kind: "digest",
        name: "first",
        sha256: createHash("sha256").update(secretOf(id)).digest("hex"),
        identifies: true,
        expiresAt: undefined,
      },
    ],
    federated: [],
    keys: undefined,
    singleUse: false,
    grants: new Set(["client_credentials", "token_exchange"]),
    scopes: { allowed: new Set(["catalog", "PRINCIPAL_ROLE:ALL"]), default: ["catalog"] },
    audiences: { allowed: new Set([ISSUER]), default: [ISSUER] },
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
    ...changes,
  };
}

/** What the audit recorded. */
export type Recorded =
  | { readonly event: "issued"; readonly decision: Decision }
  | { readonly event: "refused"; readonly decision: Decision; readonly error: OAuthError }
  | { readonly event: string; readonly detail: readonly unknown[] };

/** A private key of the test's identity provider. */
const idp = generateKeyPairSync("ec", { namedCurve: "P-256" });
export const IDP_JWK = { ...idp.publicKey.export({ format: "jwk" }), kid: "idp-1", alg: "ES256", use: "sig" };

/** Signs a JWT as the identity provider does. */
export function idpToken(claims: JsonObject, header: JsonObject = {}): string {
  const input = [{ alg: "ES256", typ: "JWT", kid: "idp-1", ...header }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = sign("sha256", Buffer.from(input), { key: idp.privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

/** The clock's second, as claims count. */
export function nowOf({ clock }: { readonly clock: () => number }): number {
  return toSeconds(clock());
}

/** An ID token of the user `ada`, good for five minutes. */
export function userToken(core: { readonly clock: () => number }, claims: JsonObject = {}): string {
  const now = nowOf(core);
  return idpToken({ iss: IDP, aud: ISSUER, sub: "ada", iat: now, exp: now + 300, ...claims });
}

/** The subject of the workload that `workloadToken` and `workloadRule` are of. */
export const ORDERS = "system:serviceaccount:shop:orders";

/** A platform's token of a workload, good for an hour. */
export function workloadToken(core: { readonly clock: () => number }, claims: JsonObject = {}): string {
  const now = nowOf(core);
  return idpToken({ iss: IDP, aud: ISSUER, sub: ORDERS, iat: now, exp: now + 3600, ...claims });
}

export function unsecuredToken(claims: JsonObject): string {
  return `${[{ alg: "none" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.`;
}

export const TRUSTED_IDP: TrustedIssuer = {
  issuer: IDP,
  keys: { kind: "uri", uri: `${IDP}/jwks` },
  caFile: undefined,
  tokenFile: undefined,
  audience: [ISSUER],
  assertionAudience: undefined,
  maxAssertionAgeMs: 3600 * SECOND,
  singleUse: false,
  algorithms: new Set(["ES256"]),
  use: new Set(["subject_token", "client_assertion"]),
  copiedClaims: [["email"], ["groups"], ["realm_access", "roles"]],
  subject: { claim: "sub", prefix: "idp:" },
  trustDomain: undefined,
};

/** The core, and hands on everything around it. */
export async function startCore(clients: readonly Client[]) {
  const issuers: { current: readonly TrustedIssuer[] } = { current: [TRUSTED_IDP] };
  let now = Date.UTC(2026, 0, 1);
  const clock = (): number => now;
  const registry = { current: clientSet(clients) };
  const familyPolicy = { graceMs: 30 * SECOND, idleMs: 2 * HOUR };
  const storage = createMemoryStorage({ clock, familyPolicy, sessionTtlMs: DAY });
  const table = new RevocationTable({ clock });
  const stop = new AbortController();
  void storage.revocations.follow(new RevocationFeed({ table }), stop.signal);
  await Promise.resolve();
  const recorded: Recorded[] = [];
  const other =
    (event: string) =>
    (...detail: readonly unknown[]): void => {
      recorded.push({ event, detail });
    };
  const events: Events = {
    tokenIssued: (decision) => recorded.push({ event: "issued", decision: { ...decision } }),
    tokenRefused: (decision, error) => recorded.push({ event: "refused", decision: { ...decision }, error }),
    revoked: other("revoked"),
    revocationRefused: other("revocationRefused"),
    introspected: other("introspected"),
    introspectionRefused: other("introspectionRefused"),
    operated: other("operated"),
    operationRefused: other("operationRefused"),
    refreshReused: other("refreshReused"),
    storeRegressed: other("storeRegressed"),
    familyTampered: other("familyTampered"),
  };
  const view = { age: 0 };
  const keys = createMemoryKeyRing({
    algorithm: "ES256",
    policy: { rotateEveryMs: 720 * HOUR, publishAheadMs: 15 * MINUTE, accessTtlMs: HOUR, sessionTtlMs: 24 * HOUR },
    clock,
  });
  const coreOf = (sessionTtlSeconds: number): Core =>
    createCore({
      config: {
        issuer: ISSUER,
        tokens: {
          accessTtlMs: HOUR,
          sessionTtlMs: sessionTtlSeconds * SECOND,
          refreshGraceMs: familyPolicy.graceMs,
          refreshIdleMs: familyPolicy.idleMs,
        },
        revocation: { maxStalenessMs: 5 * MINUTE },
        tokenPaths: ["/v1/oauth/tokens"],
      },
      registry,
      trustedIssuers: () => issuers.current,
      storage,
      revocationView: {
        covers: (token) => table.covers(token),
        notBefore: (...whom) => table.notBefore(...whom),
        latestStart: (...target) => table.latestStart(...target),
        ageMs: () => view.age,
      },
      revokeEventually: (revocation, owner) => void storage.revocations.publish(revocation, owner),
      keys,
      issuerKeys: { find: async () => IDP_JWK },
      limiter: createFailedLoginLimiter({ policy: { burst: 30, intervalMs: 2000 }, clock }),
      events,
      clock,
      randomId: pooledRandomId(),
      random: randomBytes,
    });
  let core = coreOf(24 * 3600);

  const ask = async (
    grant: GrantParameters,
    credentials: Credentials,
    rest: Partial<TokenRequest> = {},
  ): Promise<TokenResponse> =>
    core.tokens.token({ grant, credentials, scope: undefined, audience: [], resource: [], caller: CALLER, ...rest });

  return {
    get tokens() {
      return core.tokens;
    },
    get revocation() {
      return core.revocation;
    },
    get introspection() {
      return core.introspection;
    },
    get operators() {
      return core.operators;
    },
    /** Goes on with another `session_ttl`, on the same keys and state. */
    restart: (sessionTtlSeconds: number): void => {
      core = coreOf(sessionTtlSeconds);
    },
    clock,
    registry,
    issuers,
    storage,
    table,
    view,
    recorded,
    keys,
    /** Lets so many seconds pass. */
    pass: (seconds: number): void => {
      now += seconds * SECOND;
    },
    ask,
    /** A token by client credentials. */
    login: (id: string, rest: Partial<TokenRequest> = {}) => ask({ type: "client_credentials" }, byPost(id), rest),
    exchange: (
      parameters: Partial<TokenExchangeParameters>,
      credentials: Credentials,
      rest: Partial<TokenRequest> = {},
    ) => ask({ ...EXCHANGE, ...parameters }, credentials, rest),
  };
}

export type TestCore = Awaited<ReturnType<typeof startCore>>;

export const EXCHANGE: TokenExchangeParameters = {
  type: "token_exchange",
  subjectToken: undefined,
  subjectTokenType: undefined,
  actorToken: undefined,
  actorTokenType: undefined,
  requestedTokenType: undefined,
};

/** A client's id and secret, in the body. */
export function byPost(id: string): Credentials {
  return { clientId: id, clientSecret: secretOf(id) };
}

/** A client's id and secret, as Iceberg sends them in Basic. */
export function byBasic(id: string): Credentials {
  return { authorization: `Basic ${Buffer.from(`${id}:${secretOf(id)}`).toString("base64")}` };
}

export function byBearer(token: string): Credentials {
  return { authorization: `Bearer ${token}` };
}

export function subject(token: string, type: TokenExchangeParameters["subjectTokenType"] = "access_token") {
  return { subjectToken: token, subjectTokenType: type };
}

/** The claims of a JWT, unverified. */
export function claimsOf(token: string): Record<string, unknown> {
  const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  if (typeof claims !== "object" || claims === null) throw new Error("no claims");
  return { ...claims };
}

export async function refusal(promise: Promise<unknown>): Promise<OAuthError> {
  try {
    await promise;
  } catch (error) {
    return toOAuthError(error);
  }
  throw new Error("it was not refused");
}
