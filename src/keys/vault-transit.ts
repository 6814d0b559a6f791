/** The calls that signing needs of a Vault transit engine (HashiCorp Vault, OpenBao), over its HTTP API. */
import { readFile } from "node:fs/promises";
import { OAuthError } from "../oauth/error.js";
import { isJsonObject, type JsonObject, type JsonValue } from "../oauth/json.js";
import type { Clock } from "../time/clock.js";
import type { SigningAlgorithm } from "./signer.js";

/** One version of the transit key. */
export interface TransitKey {
  readonly version: number;
  /** Milliseconds. */
  readonly createdAt: number;
  /** PEM, or for Ed25519 32 bytes in base64. */
  readonly publicKey: string;
}

/** The engine. Both methods throw `temporarily_unavailable` when it is away or refuses; the reason is for the log. */
export interface VaultTransit {
  /** Type of the key in Vault's words, such as `ecdsa-p256`, and its versions, oldest first. */
  describe(): Promise<{ readonly type: string; readonly keys: readonly TransitKey[] }>;
  /** Signs with one version, and returns the signature as JWS wants it, in base64url. */
  sign(version: number, algorithm: SigningAlgorithm, input: string): Promise<string>;
}

export interface VaultTransitOptions {
  /** Such as `https://vault:8200`. */
  readonly url: string;
  /** Where the engine is mounted, such as `transit`. */
  readonly mount: string;
  readonly key: string;
  /** Holds the Vault token; read again every few seconds, since agents renew it in place. */
  readonly tokenFile: string;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
}

const TIMEOUT_MS = 2000;
const TOKEN_READ_EVERY_MS = 5000;
/** Signatures under way at once; more are refused rather than queued in front of a slow Vault. */
const MAX_PENDING = 128;
const LONGEST_ANSWER = 1024 * 1024;

const HASHES: Readonly<Record<SigningAlgorithm, JsonObject>> = {
  ES256: { hash_algorithm: "sha2-256" },
  ES384: { hash_algorithm: "sha2-384" },
  EdDSA: {},
  RS256: { hash_algorithm: "sha2-256", signature_algorithm: "pkcs1v15" },
  PS256: { hash_algorithm: "sha2-256", signature_algorithm: "pss", salt_length: "hash" },
};

export function createVaultTransit(options: VaultTransitOptions): VaultTransit {
  const { mount, key } = options;
  const call = createCaller(options);
  let pending = 0;
  return {
    async describe() {
      const data = await call("GET", `${mount}/keys/${encodeURIComponent(key)}`);
      return { type: typeof data["type"] === "string" ? data["type"] : "", keys: transitKeys(data["keys"]) };
    },
    async sign(version, algorithm, input) {
      if (pending >= MAX_PENDING) throw unavailable("OVERLOADED", "too many signatures wait for Vault");
      pending += 1;
      try {
        const data = await call("POST", `${mount}/sign/${encodeURIComponent(key)}`, {
          input: Buffer.from(input, "latin1").toString("base64"),
          key_version: version,
          // r and s side by side, in base64url (RFC 7515), instead of DER.
          marshaling_algorithm: "jws",
          ...HASHES[algorithm],
        });
        return jwsSignature(data["signature"], version);
      } finally {
        pending -= 1;
      }
    },
  };
}

type Call = (method: "GET" | "POST", path: string, body?: JsonObject) => Promise<JsonObject>;

function createCaller({ url, tokenFile, fetch, clock }: VaultTransitOptions): Call {
  let token: { readonly text: string; readonly readAt: number } | undefined;
  const presentToken = async (): Promise<string> => {
    if (token === undefined || clock() >= token.readAt + TOKEN_READ_EVERY_MS) {
      token = { text: (await readFile(tokenFile, "utf8")).trim(), readAt: clock() };
    }
    return token.text;
  };
  return async (method, path, body) => {
    try {
      const response = await fetch(new URL(`/v1/${path}`, url), {
        method,
        headers: { "x-vault-token": await presentToken(), "x-vault-request": "true" },
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok || text.length > LONGEST_ANSWER)
        throw new Error(`Vault answered ${method} ${path}: ${response.status}`);
      const answer: unknown = JSON.parse(text);
      const data = isJsonObject(answer) ? answer["data"] : undefined;
      if (!isJsonObject(data)) throw new Error(`Vault answered ${method} ${path} without data`);
      return data;
    } catch (cause) {
      throw unavailable("STATE_UNAVAILABLE", "Vault does not sign", cause);
    }
  };
}

function transitKeys(keys: unknown): readonly TransitKey[] {
  if (!isJsonObject(keys)) return [];
  return Object.entries(keys)
    .flatMap(([version, key]) => transitKey(Number(version), key))
    .toSorted((a, b) => a.version - b.version);
}

/** A version with a public half. Symmetric keys have none; their type tells them apart. */
function transitKey(version: number, key: JsonValue): readonly TransitKey[] {
  if (!isJsonObject(key)) return [];
  const { creation_time: createdAt, public_key: publicKey } = key;
  if (typeof createdAt !== "string" || typeof publicKey !== "string") return [];
  return [{ version, createdAt: Date.parse(createdAt), publicKey }];
}

/** The signature of `vault:v3:MEUC...`, in base64url whatever the engine writes. */
function jwsSignature(signature: unknown, version: number): string {
  const prefix = `vault:v${version}:`;
  if (typeof signature !== "string" || !signature.startsWith(prefix)) {
    throw unavailable("STATE_UNAVAILABLE", "Vault answered without a signature of the version asked for");
  }
  return Buffer.from(signature.slice(prefix.length), "base64").toString("base64url");
}

function unavailable(reason: "STATE_UNAVAILABLE" | "OVERLOADED", detail: string, cause?: unknown): OAuthError {
  return new OAuthError("temporarily_unavailable", reason, "Tokens cannot be signed now. Try again.", {
    detail,
    cause,
  });
}
