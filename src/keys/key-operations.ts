/** The operations on signing keys. The endpoint decides who may ask for them. */
import { OAuthError } from "../oauth/error.js";
import type { KeyState } from "./key-ring.js";
import type { SigningAlgorithm } from "./signer.js";

/** A signing key as an operator sees it: never the private part. Instants in milliseconds. */
export interface KeyInfo {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly state: KeyState;
  /** When it entered the JWKS. */
  readonly publishedAt: number;
  /** When it signs, or began to; undefined if that is not planned (a key from a file that only verifies). */
  readonly activatesAt: number | undefined;
  /** When it stopped signing; undefined if it has not. */
  readonly retiredAt?: number;
}

export interface KeyOperations {
  /** Every key that the ring holds, oldest first. */
  list(): readonly KeyInfo[];
  /**
   * Publishes a new key and returns it. It signs once every verifier can have it (`keys.publish_ahead`). A repeat is
   * safe: if a key is waiting already, that one is returned. Throws `KeysFixedError` where keys are not made here, and
   * `temporarily_unavailable` when the shared ring is away.
   */
  rotate(): Promise<KeyInfo>;
  /**
   * Revokes a key for good: it leaves the JWKS and never signs again; if it was signing, another takes over without
   * waiting. The caller tells the revocation log. Revoking twice is no error. Throws `invalid_request` with reason
   * `KEY_UNKNOWN` for a key that the ring does not hold, `KeysFixedError` for a key that is not ours to take away, and
   * `temporarily_unavailable` when the shared ring is away.
   */
  revoke(kid: string): Promise<void>;
}

/**
 * The keys come from files or an outside signer: they change there, not by our hand. Says what to do instead. Over RPC
 * it is FAILED_PRECONDITION (`key_service.proto`).
 */
export class KeysFixedError extends OAuthError {
  constructor(description: string) {
    super("invalid_request", "KEY_UNKNOWN", description);
  }
}

/** The refusal of a key id that the ring does not hold. */
export function unknownKey(): OAuthError {
  return new OAuthError("invalid_request", "KEY_UNKNOWN", "No such key. List the keys to see their ids.");
}
