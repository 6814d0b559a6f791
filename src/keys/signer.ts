/** Signs tokens. A local key, a key on another thread and an HSM all fit behind it. */

/** Algorithms that tokens can be signed with (RFC 7518 section 3.1, RFC 8037). */
export const SIGNING_ALGORITHMS = ["ES256", "ES384", "EdDSA", "RS256", "PS256"] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

export interface Signer {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  /**
   * Signs `input` (ASCII) and returns the signature in base64url. Local ES256 answers at once, others later. Rejects or
   * throws if the key cannot be used.
   */
  sign(input: string): string | Promise<string>;
}

/** A published key, private parts absent (RFC 7517 section 4). */
export interface PublicJwk {
  readonly kty: string;
  readonly kid: string;
  readonly use: "sig";
  readonly alg: SigningAlgorithm;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
}
