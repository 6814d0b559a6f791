/** Reads one key from a file's contents: PEM or JWK, private or public. */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { isJsonObject } from "../oauth/json.js";
import { publicJwk } from "./jwks.js";
import { createSigner } from "./key-pair.js";
import type { PublicJwk, Signer, SigningAlgorithm } from "./signer.js";

export interface FileKey {
  readonly publicJwk: PublicJwk;
  /** Undefined if the file holds a public key: it verifies, and never signs. */
  readonly signer: Signer | undefined;
}

const SHORTEST_RSA_BITS = 2048;
const LONGEST_FILE = 64 * 1024;

/**
 * Reads a key. `preferred` is the algorithm of an RSA key, unless the JWK has an `alg`. A curve has only one. Throws an
 * Error with the reason. It never quotes the file, which holds a secret.
 */
export function readKeyFile(text: string, preferred: SigningAlgorithm): FileKey {
  if (text.length > LONGEST_FILE) throw new Error("is longer than 64 KiB");
  const jwk = text.trimStart().startsWith("{") ? parseJwk(text) : undefined;
  const key = jwk === undefined ? keyFromPem(text) : keyFromJwk(jwk);
  const algorithm = algorithmOf(key, typeof jwk?.alg === "string" ? jwk.alg : preferred);
  const published = publicJwk(key, algorithm);
  const signer = key.type === "private" ? createSigner({ publicJwk: published, privateKey: key }) : undefined;
  return { publicJwk: published, signer };
}

function parseJwk(text: string): JsonWebKey {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("begins like a JWK but is not JSON");
  }
  if (!isJsonObject(value) || typeof value["kty"] !== "string") throw new Error("is JSON but no JWK: it has no 'kty'");
  return value;
}

function keyFromJwk(jwk: JsonWebKey): KeyObject {
  try {
    const input = { key: jwk, format: "jwk" } as const;
    return jwk.d === undefined ? createPublicKey(input) : createPrivateKey(input);
  } catch {
    throw new Error("is a JWK whose members do not make a key");
  }
}

function keyFromPem(text: string): KeyObject {
  if (!text.includes("-----BEGIN ")) throw new Error("is neither PEM nor a JWK");
  if (text.includes("ENCRYPTED")) throw new Error("is protected by a passphrase: store it without one");
  try {
    return text.includes("PRIVATE KEY-----") ? createPrivateKey(text) : createPublicKey(text);
  } catch {
    throw new Error("is PEM but holds no key that can be read");
  }
}

function algorithmOf(key: KeyObject, wanted: string): SigningAlgorithm {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ec":
      if (namedCurve === "prime256v1") return "ES256";
      if (namedCurve === "secp384r1") return "ES384";
      throw new Error("is of a curve other than P-256 and P-384");
    case "ed25519":
      return "EdDSA";
    case "rsa":
      if ((modulusLength ?? 0) < SHORTEST_RSA_BITS) throw new Error("is an RSA key of fewer than 2048 bits");
      return wanted === "PS256" ? "PS256" : "RS256";
    default:
      throw new Error("is of a type other than EC (P-256, P-384), Ed25519 and RSA");
  }
}
