/** Signs RSA off the main thread, where it would hold up every other request for about a millisecond. */
import { constants, sign, type KeyObject } from "node:crypto";
import { OAuthError } from "../oauth/error.js";
import type { Signer, SigningAlgorithm } from "./signer.js";

/** The algorithms that are too slow for the main thread. */
export type ThreadAlgorithm = Extract<SigningAlgorithm, "RS256" | "PS256">;

const PADDING: Readonly<Record<ThreadAlgorithm, { readonly padding: number; readonly saltLength?: number }>> = {
  RS256: { padding: constants.RSA_PKCS1_PADDING },
  // The salt is as long as the digest (RFC 7518 section 3.5).
  PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
};

/** Signatures that may wait for a thread. More are refused: the queue stays under a second at any load. */
const MAX_PENDING = 512;

/**
 * A signer that runs on libuv's own threads, which need neither messages nor a copy of the key (a pool of workers
 * would need both). Rejects with `temporarily_unavailable` when too many signatures wait already.
 */
export function createThreadSigner(key: {
  readonly kid: string;
  readonly algorithm: ThreadAlgorithm;
  readonly privateKey: KeyObject;
  readonly maxPending?: number;
}): Signer {
  const options = { key: key.privateKey, ...PADDING[key.algorithm] };
  const maxPending = key.maxPending ?? MAX_PENDING;
  let pending = 0;
  const signOnThread = (input: string): Promise<string> =>
    new Promise((resolve, reject) => {
      pending += 1;
      sign("sha256", Buffer.from(input, "latin1"), options, (error, signature) => {
        pending -= 1;
        if (error === null) resolve(signature.toString("base64url"));
        else reject(error);
      });
    });
  return {
    kid: key.kid,
    algorithm: key.algorithm,
    sign: (input) => (pending < maxPending ? signOnThread(input) : Promise.reject(overloaded())),
  };
}

function overloaded(): OAuthError {
  return new OAuthError("temporarily_unavailable", "OVERLOADED", "The server has too much to sign. Try again.", {});
}
