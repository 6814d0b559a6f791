/** The product under attack: a running app, its clients and whom it trusts, with every key that an attacker could want. */
import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { runApp, type RunningApp } from "../support/running-app.js";
import { signatureOf } from "../tokens/signing-key.js";

export const ISSUER = "https://tokens.example.com";
export const CATALOG = "https://catalog.example.com";
export const IDP = "https://idp.example.com";
/** Trusted too, but only for subjects. */
export const PARTNER = "https://partner.example.com";

/** A key pair that signs whatever it is given. */
export interface ForgerKey {
  readonly algorithm: string;
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;
  /** A compact JWS of these bytes. */
  readonly signBytes: (header: Buffer, payload: Buffer) => string;
  /** A JWT; undefined members are left out. */
  readonly sign: (header: object, claims: object) => string;
}

export function forgerKey(algorithm: string, kid: string, modulusLength = 2048): ForgerKey {
  const { publicKey, privateKey } = generate(algorithm, modulusLength);
  const signBytes = (header: Buffer, payload: Buffer): string => {
    const input = `${header.toString("base64url")}.${payload.toString("base64url")}`;
    return `${input}.${signatureOf(algorithm, input, privateKey).toString("base64url")}`;
  };
  return {
    algorithm,
    kid,
    publicKey,
    jwk: { ...publicKey.export({ format: "jwk" }), kid, alg: algorithm, use: "sig" },
    signBytes,
    sign: (header, claims) => signBytes(Buffer.from(JSON.stringify(header)), Buffer.from(JSON.stringify(claims))),
  };
}

function generate(algorithm: string, modulusLength: number): { publicKey: KeyObject; privateKey: KeyObject } {
  if (algorithm === "ES256") return generateKeyPairSync("ec", { namedCurve: "P-256" });
  if (algorithm === "EdDSA") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("rsa", { modulusLength });
}

/** The identity provider's keys: the last two are in its key set, and yet good for nothing. */
export const idpKey = forgerKey("ES256", "idp-1");
export const idpRsaKey = forgerKey("RS256", "idp-rsa");
export const idpWeakKey = forgerKey("RS256", "idp-weak", 1024);
export const idpEdKey = forgerKey("EdDSA", "idp-ed");
export const partnerKey = forgerKey("ES256", "partner-1");
/** The key of client `orders`, and that of client `billing`. */
export const ordersKey = forgerKey("ES256", "orders-1");
export const billingKey = forgerKey("ES256", "billing-1");
/** Nobody's. */
export const strangerKey = forgerKey("ES256", "idp-1");

export function secretOf(id: string): string {
  return `marked-secret-of-${id}-${createHash("sha256").update(id).digest("hex").slice(0, 24)}`;
}

function byDigest(id: string): object {
  return { sha256: createHash("sha256").update(secretOf(id)).digest("hex") };
}

const CLIENTS = [
  {
    id: "spark",
    secrets: [byDigest("spark")],
    grants: ["client_credentials", "token_exchange", "refresh_token"],
    scopes: { allowed: ["catalog", "PRINCIPAL_ROLE:etl"], default: ["catalog"] },
    audiences: { allowed: [ISSUER, CATALOG], default: [ISSUER] },
  },
  { id: "trino", secrets: [byDigest("trino")], may_act_for: ["spark"] },
  { id: "reader", secrets: [byDigest("reader")], permissions: ["introspect"] },
  { id: "gateway", secrets: [byDigest("gateway")], unsecured_subjects: { allow: ["*@example.com", "*"] } },
  { id: "exchanger", secrets: [byDigest("exchanger")], grants: ["token_exchange"] },
  { id: "disabled", secrets: [byDigest("disabled")], disabled: true },
  { id: "expired", secrets: [{ ...byDigest("expired"), expires: "2020-01-01T00:00:00Z" }] },
  { id: "scopeless", secrets: [byDigest("scopeless")], scopes: { allowed: ["catalog"], default: [] } },
  { id: "orders", jwks: { keys: [ordersKey.jwk] }, grants: ["client_credentials"] },
  { id: "billing", jwks: { keys: [billingKey.jwk] }, grants: ["client_credentials"] },
  { id: "pod", federated: [{ issuer: IDP, subject: "system:serviceaccount:shop:pod" }] },
];

const TRUSTED_ISSUERS = [
  {
    issuer: IDP,
    jwks_file: "idp.jwks.json",
    audience: ISSUER,
    algorithms: ["ES256", "RS256"],
    use: ["subject_token", "client_assertion"],
    claims: ["email"],
    subject: { prefix: "idp:" },
  },
  {
    issuer: PARTNER,
    jwks_file: "partner.jwks.json",
    audience: ISSUER,
    algorithms: ["ES256"],
    use: ["subject_token"],
    subject: { prefix: "partner:" },
  },
];

/** Where the clock of the product stands still, in seconds: however slow the machine, a forgery stays as old as it is. */
export const now = Date.UTC(2026, 0, 1) / 1000;

/** Starts the product. Its proxy is this machine: a test may come from many addresses. */
export async function startWorld(more: Readonly<Record<string, unknown>> = {}): Promise<RunningApp> {
  return runApp({
    frozenAt: now * 1000,
    settings: {
      issuer: ISSUER,
      log_level: "debug",
      clients: CLIENTS,
      trusted_issuers: TRUSTED_ISSUERS,
      http: { trusted_proxies: ["127.0.0.1/32"], token_paths: ["/api/catalog/v1/oauth/tokens"] },
      ...more,
    },
    files: {
      "idp.jwks.json": JSON.stringify({ keys: [idpKey.jwk, idpRsaKey.jwk, idpWeakKey.jwk, idpEdKey.jwk] }),
      "partner.jwks.json": JSON.stringify({ keys: [partnerKey.jwk] }),
    },
  });
}

let calls = 0;

/** An address that nobody has called from: failures are charged to clients and addresses. */
export function freshAddress(): string {
  calls++;
  return `10.${(calls >> 16) & 255}.${(calls >> 8) & 255}.${calls & 255}`;
}

/** An answer of a form endpoint. */
export interface FormAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The members of a JSON object; empty if it is none. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Posts a form from a fresh address, or from the one given. */
export async function postForm(
  app: RunningApp,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
  path = "/v1/oauth/tokens",
): Promise<FormAnswer> {
  const response = await fetch(app.url + path, {
    method: "POST",
    body: new URLSearchParams(form),
    headers: { "x-forwarded-for": freshAddress(), ...headers },
  });
  const text = await response.text();
  const isJson = text.startsWith("{");
  const json = isJson ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: response.status, headers: response.headers, text, json };
}

/** The id and secret of a client, as form parameters. */
export function byPost(id: string): Record<string, string> {
  return { client_id: id, client_secret: secretOf(id) };
}

/** A token of a client's own. */
export async function login(app: RunningApp, id: string): Promise<string> {
  const { json } = await postForm(app, { grant_type: "client_credentials", ...byPost(id) });
  return String(json["access_token"]);
}

/** The grant and token types of RFC 8693. */
export const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
export function typeUrn(type: string): string {
  return `urn:ietf:params:oauth:token-type:${type}`;
}
export const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
