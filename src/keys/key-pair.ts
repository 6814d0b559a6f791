/** Makes and reads signing keys, and gives each the signer that suits it. */
import { createPrivateKey, generateKeyPair, generateKeyPairSync, type JsonWebKey, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { publicJwk } from "./jwks.js";
import { createLocalSigner, isLocalAlgorithm } from "./local-signer.js";
import type { PublicJwk, Signer, SigningAlgorithm } from "./signer.js";
import { createThreadSigner } from "./thread-signer.js";

/** A new key, both halves as JWK. */
export interface KeyPair {
  readonly publicJwk: PublicJwk;
  readonly privateJwk: JsonWebKey;
}

const RSA_BITS = 2048;
const generateAsync = promisify(generateKeyPair);

/** RSA takes a tenth of a second or more, on a thread of its own. */
export async function generateSigningKey(algorithm: SigningAlgorithm): Promise<KeyPair> {
  if (isLocalAlgorithm(algorithm)) return generateSigningKeySync(algorithm);
  const { privateKey } = await generateAsync("rsa", { modulusLength: RSA_BITS });
  return keyPair(privateKey, algorithm);
}

/** Blocks until the key is there: for the start of a server, before anyone waits for it. */
export function generateSigningKeySync(algorithm: SigningAlgorithm): KeyPair {
  return keyPair(NEW_PRIVATE_KEY[algorithm](), algorithm);
}

const NEW_PRIVATE_KEY: Readonly<Record<SigningAlgorithm, () => KeyObject>> = {
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  ES384: () => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
  EdDSA: () => generateKeyPairSync("ed25519").privateKey,
  RS256: () => generateKeyPairSync("rsa", { modulusLength: RSA_BITS }).privateKey,
  PS256: () => generateKeyPairSync("rsa", { modulusLength: RSA_BITS }).privateKey,
};

function keyPair(privateKey: KeyObject, algorithm: SigningAlgorithm): KeyPair {
  return { publicJwk: publicJwk(privateKey, algorithm), privateJwk: privateKey.export({ format: "jwk" }) };
}

/** The signer of a private key: curves sign at once, RSA on a thread. */
export function createSigner(key: { readonly publicJwk: PublicJwk; readonly privateKey: KeyObject }): Signer {
  const { kid, alg: algorithm } = key.publicJwk;
  return isLocalAlgorithm(algorithm)
    ? createLocalSigner({ kid, algorithm, privateKey: key.privateKey })
    : createThreadSigner({ kid, algorithm, privateKey: key.privateKey });
}

/** A private JWK as a key object. Throws if it is none. */
export function readPrivateJwk(jwk: JsonWebKey): KeyObject {
  return createPrivateKey({ key: jwk, format: "jwk" });
}
