/** The signing keys that this replica holds now: what the issuer signs with, the verifier checks with, JWKS publishes. */
import type { KeyObject } from "node:crypto";
import type { PublicJwk, Signer, SigningAlgorithm } from "./signer.js";

/** Where a key stands: a pure function of time and policy (`rotation.ts`). */
export type KeyState = "published" | "active" | "retired" | "gone" | "revoked";

/** A key that can verify. Instants in milliseconds. */
export interface VerifyingKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly publicKey: KeyObject;
  readonly jwk: PublicJwk;
}

/** The ring as the request path sees it: look-ups in memory only. */
export interface KeyRing {
  /** The one key that signs now. Throws `temporarily_unavailable` if there is none yet. */
  signer(): Signer;
  /** A key by its id, in any state. Undefined if it was never ours. */
  find(kid: string): VerifyingKey | undefined;
  /** Where a key stands now. */
  stateOf(kid: string): KeyState | undefined;
  /** The keys in the JWKS now, and for how long that may be cached. */
  published(): { readonly keys: readonly PublicJwk[]; readonly maxAgeSeconds: number };
  /** The 32-byte key of refresh token MACs. */
  macKey(): Buffer;
}
