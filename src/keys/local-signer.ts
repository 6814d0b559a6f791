/** Signs in this process, at once: for curves, whose signatures take microseconds. */
import { sign, type KeyObject } from "node:crypto";
import type { Signer, SigningAlgorithm } from "./signer.js";

/** The algorithms that are quick enough to sign on the main thread. */
export type LocalAlgorithm = Extract<SigningAlgorithm, "ES256" | "ES384" | "EdDSA">;

const DIGESTS: Readonly<Record<LocalAlgorithm, string | null>> = { ES256: "sha256", ES384: "sha384", EdDSA: null };

/** Whether an algorithm is quick enough for the main thread. */
export function isLocalAlgorithm(algorithm: SigningAlgorithm): algorithm is LocalAlgorithm {
  return Object.hasOwn(DIGESTS, algorithm);
}

/**
 * A signer that answers synchronously. `node:crypto` rather than WebCrypto, which takes two to three times as long for
 * ES256 on Node 22 and 26, and a promise.
 */
export function createLocalSigner(key: {
  readonly kid: string;
  readonly algorithm: LocalAlgorithm;
  readonly privateKey: KeyObject;
}): Signer {
  const digest = DIGESTS[key.algorithm];
  // JWS wants r and s side by side (RFC 7518 section 3.4), not the DER that OpenSSL writes by default.
  const options = { key: key.privateKey, dsaEncoding: "ieee-p1363" } as const;
  return {
    kid: key.kid,
    algorithm: key.algorithm,
    sign: (input) => sign(digest, Buffer.from(input, "latin1"), options).toString("base64url"),
  };
}
