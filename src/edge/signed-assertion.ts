/** `private_key_jwt` (RFC 7523 section 2.2): an assertion that the edge signs with its own key. */
import { constants, createPrivateKey, randomBytes, sign, type JsonWebKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isJsonObject } from "../oauth/json.js";
import { MINUTE, toSeconds, type Clock } from "../time/clock.js";

export interface AssertionOptions {
  readonly clientId: string;
  /** The one audience: the token endpoint. */
  readonly audience: string;
  /** A private key in PEM, or as a JWK, whose `kid` is then sent. */
  readonly file: string;
  readonly clock: Clock;
}

/** An assertion is made for one request. */
const LIFE_SECONDS = (2 * MINUTE) / 1000;

/** The file is read for each assertion. Rejects without quoting it. */
export function createSignedAssertion({ clientId, audience, file, clock }: AssertionOptions): () => Promise<string> {
  return async () => {
    const { key, kid } = readKey(await readFile(file, "utf8"));
    const { algorithm, signature } = signerOf(key);
    const issuedAt = toSeconds(clock());
    const header = { alg: algorithm, typ: "JWT", ...(kid !== undefined && { kid }) };
    const who = { iss: clientId, sub: clientId, aud: audience, jti: randomBytes(16).toString("base64url") };
    const claims = { ...who, iat: issuedAt, exp: issuedAt + LIFE_SECONDS };
    const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    return `${input}.${signature(Buffer.from(input)).toString("base64url")}`;
  };
}

function readKey(text: string): { readonly key: KeyObject; readonly kid: string | undefined } {
  try {
    if (!text.trimStart().startsWith("{")) return { key: createPrivateKey(text), kid: undefined };
    const jwk: unknown = JSON.parse(text);
    if (!isJsonObject(jwk)) throw new TypeError("not a JWK");
    const { kid } = jwk;
    const key: JsonWebKey = { ...jwk };
    return { key: createPrivateKey({ key, format: "jwk" }), kid: typeof kid === "string" ? kid : undefined };
  } catch {
    // The cause may quote the key.
    throw new TypeError("the private key file holds no private key in PEM or as a JWK");
  }
}

interface AssertionSigner {
  readonly algorithm: string;
  readonly signature: (input: Buffer) => Buffer;
}

function signerOf(key: KeyObject): AssertionSigner {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const byCurve = (algorithm: string, hash: string): AssertionSigner => ({
    algorithm,
    signature: (input) => sign(hash, input, { key, dsaEncoding: "ieee-p1363" }),
  });
  if (key.asymmetricKeyType === "ed25519") return { algorithm: "EdDSA", signature: (input) => sign(null, input, key) };
  if (key.asymmetricKeyType === "ec" && curve === "prime256v1") return byCurve("ES256", "sha256");
  if (key.asymmetricKeyType === "ec" && curve === "secp384r1") return byCurve("ES384", "sha384");
  if (key.asymmetricKeyType === "rsa") {
    const padding = constants.RSA_PKCS1_PADDING;
    return { algorithm: "RS256", signature: (input) => sign("sha256", input, { key, padding }) };
  }
  throw new TypeError("the private key must be Ed25519, P-256, P-384 or RSA");
}
