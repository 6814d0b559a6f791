/** Why a token was not accepted. */
import type { ErrorReason } from "../oauth/error.js";

/** The error for the caller: one of RFC 6750 section 3.1, or `unavailable`. */
export type VerificationErrorCode = "invalid_token" | "insufficient_scope" | "unavailable";

export type VerificationFault =
  /** No Bearer token, or more than one. */
  | "missing"
  /** Not a token that this issuer signed with a key that it publishes. */
  | "not_ours"
  | "expired"
  | "revoked"
  | "audience"
  | "scope"
  /** Keys and revocations have not been loaded yet. */
  | "not_ready"
  /** The view of the revocations is too old. */
  | "stale"
  | "closed";

const CODES: Readonly<Record<VerificationFault, VerificationErrorCode>> = {
  missing: "invalid_token",
  not_ours: "invalid_token",
  expired: "invalid_token",
  revoked: "invalid_token",
  audience: "invalid_token",
  scope: "insufficient_scope",
  not_ready: "unavailable",
  stale: "unavailable",
  closed: "unavailable",
};

const MESSAGES: Readonly<Record<VerificationErrorCode, string>> = {
  invalid_token: "The Bearer token is not accepted.",
  insufficient_scope: "The token does not have the scope that this needs.",
  unavailable: "Tokens cannot be verified now. Try again.",
};

/** `message` is safe for the caller: it is the same for every fault of a token. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
  readonly code: VerificationErrorCode;
  /** For the service's own log. */
  readonly fault: VerificationFault;

  constructor(fault: VerificationFault, cause?: unknown) {
    super(MESSAGES[CODES[fault]], cause === undefined ? undefined : { cause });
    this.code = CODES[fault];
    this.fault = fault;
  }
}

/** The `reason` of the `ErrorInfo` that a refused RPC carries. */
export const ERROR_REASONS: Readonly<Record<VerificationErrorCode, ErrorReason>> = {
  invalid_token: "BEARER_INVALID",
  insufficient_scope: "SCOPE_NOT_ALLOWED",
  unavailable: "STATE_UNAVAILABLE",
};
