/** Keys that sign anything at all, well formed or not: what an honest library would refuse to make. */
import { Buffer } from "node:buffer";
import { constants, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

export interface SigningKey {
  readonly algorithm: string;
  readonly kid: string;
  readonly publicKey: KeyObject;
  /** The public JWK, with `kid`, `alg` and `use`. */
  readonly jwk: Readonly<Record<string, unknown>>;
  /** A compact JWS of these texts, byte for byte. */
  readonly signText: (header: string, payload: string) => string;
  /** A JWT; `header` adds to or replaces `alg` and `kid`, undefined members are left out. */
  readonly sign: (claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>) => string;
}

const CURVES: Readonly<Record<string, string>> = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };

function generate(algorithm: string, modulusLength: number) {
  const namedCurve = CURVES[algorithm];
  if (namedCurve !== undefined) return generateKeyPairSync("ec", { namedCurve });
  if (algorithm.startsWith("Ed")) return generateKeyPairSync("ed25519");
  return generateKeyPairSync("rsa", { modulusLength });
}

/** The signature of a JWS by RFC 7518 section 3. */
export function signatureOf(algorithm: string, input: string, key: KeyObject): Buffer {
  const data = Buffer.from(input);
  if (algorithm.startsWith("Ed")) return sign(null, data, key);
  const digest = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith("ES")) return sign(digest, data, { key, dsaEncoding: "ieee-p1363" });
  if (algorithm.startsWith("RS")) return sign(digest, data, key);
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  return sign(digest, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}

/** Base64url of a text in UTF-8. */
export function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}

export function signingKey(algorithm = "ES256", kid = "k1", modulusLength = 2048): SigningKey {
  const { publicKey, privateKey } = generate(algorithm, modulusLength);
  const signText = (header: string, payload: string): string => {
    const input = `${base64url(header)}.${base64url(payload)}`;
    return `${input}.${signatureOf(algorithm, input, privateKey).toString("base64url")}`;
  };
  return {
    algorithm,
    kid,
    publicKey,
    jwk: { ...publicKey.export({ format: "jwk" }), kid, alg: algorithm, use: "sig" },
    signText,
    sign: (claims, header) => signText(JSON.stringify({ alg: algorithm, kid, ...header }), JSON.stringify(claims)),
  };
}
