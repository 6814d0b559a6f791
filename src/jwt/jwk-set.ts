import { Buffer } from "node:buffer";
import type { JWK } from "jose";
import { isJsonObject, type JsonObject, type JsonValue } from "../oauth/json.js";

/**
 * Signatures that are accepted from others (RFC 7518 section 3.1, RFC 8037, RFC 9864). Never a symmetric one, never
 * `none`.
 */
export const ASYMMETRIC_ALGORITHMS: ReadonlySet<string> = new Set(
  "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" "),
);

/** What a key set's keys are for: `sig` (or nothing said), or JWT-SVIDs in a SPIFFE bundle. */
export type KeyUse = "sig" | "jwt-svid";

/** A public key out of a key set. */
export interface VerificationKey {
  readonly kid: string | undefined;
  /** The one algorithm that it says it is for, if it says so. */
  readonly algorithm: string | undefined;
  /** Public members only, without `use`, `alg` and what else may be there. */
  readonly jwk: JWK;
}

const CURVES: Readonly<Record<string, string>> = {
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
  EdDSA: "Ed25519",
  Ed25519: "Ed25519",
};

/** RFC 7518 section 3.3: a key of 2048 bits or more. */
const MIN_RSA_BYTES = 256;

/** More keys than this are not looked at: a shared issuer may have one for each of its many tenants. */
const MAX_KEYS = 2000;

/**
 * The keys of a JWK set (RFC 7517 section 5) that can verify. Keys of other kinds, for other uses, too weak or malformed
 * are ignored, as the RFC asks. Undefined if it is no JWK set at all; an empty one revokes every key.
 */
export function readJwks(document: unknown, use: KeyUse): readonly VerificationKey[] | undefined {
  if (!isJsonObject(document)) return undefined;
  const { keys } = document;
  if (!isList(keys)) return undefined;
  return keys.slice(0, MAX_KEYS).flatMap((key) => {
    const read = isJsonObject(key) ? readKey(key, use) : undefined;
    return read === undefined ? [] : [read];
  });
}

/**
 * The one key that can have made a signature: of the token's `kid`, or, if it names none, the only one that fits its
 * algorithm (RFC 7517 section 4.5). `ambiguous` if several are left.
 */
export function selectKey(
  keys: readonly VerificationKey[],
  algorithm: string,
  kid: string | undefined,
): VerificationKey | "unknown" | "ambiguous" {
  const fitting = keys.filter((key) => (kid === undefined || key.kid === kid) && fits(key, algorithm));
  const [first] = fitting;
  if (first === undefined) return "unknown";
  return fitting.length === 1 ? first : "ambiguous";
}

function fits(key: VerificationKey, algorithm: string): boolean {
  if (!ASYMMETRIC_ALGORITHMS.has(algorithm)) return false;
  if (key.algorithm !== undefined && modern(key.algorithm) !== modern(algorithm)) return false;
  const curve = CURVES[algorithm];
  return curve === undefined ? key.jwk.kty === "RSA" : key.jwk.crv === curve;
}

/** `EdDSA` with an Ed25519 key and `Ed25519` are two names of one algorithm (RFC 9864). */
function modern(algorithm: string): string {
  return algorithm === "EdDSA" ? "Ed25519" : algorithm;
}

function readKey(key: JsonObject, use: KeyUse): VerificationKey | undefined {
  const jwk = publicMembers(key);
  const kid = text(key["kid"]);
  const operations = key["key_ops"];
  if (jwk === undefined) return undefined;
  if (operations !== undefined && !(isList(operations) && operations.includes("verify"))) return undefined;
  if (use === "jwt-svid") {
    // A SPIFFE bundle holds X.509 authorities too (SPIFFE Trust Domain and Bundle section 4.2).
    if (key["use"] !== "jwt-svid" || kid === undefined) return undefined;
  } else if (key["use"] !== undefined && key["use"] !== "sig") return undefined;
  return { kid, algorithm: text(key["alg"]), jwk };
}

function publicMembers({ kty, crv, x, y, n, e }: JsonObject): JWK | undefined {
  if (kty === "RSA" && isText(n) && isText(e)) return rsaBytes(n) < MIN_RSA_BYTES ? undefined : { kty, n, e };
  if (kty === "EC" && isText(crv) && isText(x) && isText(y)) return { kty, crv, x, y };
  if (kty === "OKP" && isText(crv) && isText(x)) return { kty, crv, x };
  return undefined;
}

/** The length of a modulus without its leading zeros. */
function rsaBytes(modulus: string): number {
  const bytes = Buffer.from(modulus, "base64url");
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return zeros < 0 ? 0 : bytes.length - zeros;
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string";
}

function text(value: JsonValue | undefined): string | undefined {
  return isText(value) ? value : undefined;
}
