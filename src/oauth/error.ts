/**
 * Owns every way in which a request is refused, in OAuth's own words. Knows no HTTP status and no gRPC code: each
 * transport has one total table for those.
 */

/** The `error` member of an OAuth error (RFC 6749 section 5.2, RFC 8693 section 2.2.2, RFC 8628 section 3.5). */
export type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "unauthorized_client"
  | "unsupported_grant_type"
  | "invalid_scope"
  | "invalid_target"
  | "slow_down"
  | "temporarily_unavailable"
  | "server_error";

/** The finer reason: a name of `ErrorReason` in `error_reason.proto`, and an anchor of docs/errors.md. */
export type ErrorReason =
  | "REQUEST_MALFORMED"
  | "PARAMETER_MISSING"
  | "PARAMETER_INVALID"
  | "GRANT_TYPE_MISSING"
  | "GRANT_TYPE_UNSUPPORTED"
  | "CREDENTIALS_AMBIGUOUS"
  | "CREDENTIALS_MISSING"
  | "CREDENTIALS_INVALID"
  | "BEARER_INVALID"
  | "ASSERTION_INVALID"
  | "GRANT_NOT_ALLOWED"
  | "PERMISSION_MISSING"
  | "SCOPE_MALFORMED"
  | "SCOPE_NOT_ALLOWED"
  | "SCOPE_MISSING"
  | "TARGET_NOT_ALLOWED"
  | "SUBJECT_TOKEN_INVALID"
  | "SUBJECT_NOT_ALLOWED"
  | "ACTOR_TOKEN_INVALID"
  | "TOKEN_TYPE_UNSUPPORTED"
  | "SESSION_ENDING"
  | "SESSION_ENDED"
  | "SESSION_REVOKED"
  | "DELEGATION_TOO_DEEP"
  | "REFRESH_TOKEN_INVALID"
  | "TOO_MANY_FAILURES"
  | "QUOTA_EXCEEDED"
  | "STATE_UNAVAILABLE"
  | "OVERLOADED"
  | "TIMED_OUT"
  | "ISSUER_UNAVAILABLE"
  | "CURSOR_GONE"
  | "CONSUMER_TOO_SLOW"
  | "KEY_UNKNOWN"
  | "INTERNAL";

/** Why credentials were refused, in one word for programs. docs/telemetry.md says what each means. */
export type AuthenticationFailure =
  | "client_unknown"
  | "client_disabled"
  | "secret_wrong"
  | "secret_unknown"
  | "secret_expired"
  | "secret_of_another_client"
  | "id_and_secret_swapped"
  | "header_malformed"
  | "not_checked"
  | "key_unknown"
  | "signature_wrong"
  | "identity_unknown"
  | "assertion_of_another_client"
  | "assertion_invalid"
  | "token_invalid"
  | "token_expired"
  | "token_revoked";

/** What really happened: for the log, never for the caller. */
export interface Explanation {
  readonly detail?: string | undefined;
  /** Of refused credentials. */
  readonly failure?: AuthenticationFailure | undefined;
  /** The client that the request says it is, which nobody proved. Never what may be a secret in the id's place. */
  readonly client?: string | undefined;
  /** The name of a secret that was right, where one was. */
  readonly secretName?: string | undefined;
}

export interface OAuthErrorOptions {
  /** Seconds until a retry makes sense. `slow_down` and `temporarily_unavailable` always have one: 1 by default. */
  readonly retryAfterSeconds?: number;
  /** The authentication scheme that failed, for `WWW-Authenticate` (RFC 6749 section 5.2). */
  readonly scheme?: "Basic" | "Bearer";
  /**
   * What really happened: for the log, never for the caller. A function is called when the log is written, after the
   * answer: the work that it does, which depends on what was wrong, is not in the time that the caller measures.
   */
  readonly detail?: string | Explanation | (() => Explanation);
  /** The error behind this one: for the log, never for the caller. */
  readonly cause?: unknown;
}

/** Iceberg's Java client bridges an outage of 38 s with it, and of 3.3 s without. */
const RETRY_AFTER_SECONDS = 1;
const RETRYABLE: ReadonlySet<OAuthErrorCode> = new Set(["slow_down", "temporarily_unavailable"]);

/**
 * A refusal. `message` is the description for the caller. It holds no secret and no part of a token. Use `quoted` for a
 * string that a caller sent.
 */
export class OAuthError extends Error {
  override readonly name = "OAuthError";
  readonly code: OAuthErrorCode;
  readonly reason: ErrorReason;
  readonly retryAfterSeconds: number | undefined;
  readonly scheme: "Basic" | "Bearer" | undefined;
  readonly #detail: OAuthErrorOptions["detail"];

  constructor(code: OAuthErrorCode, reason: ErrorReason, description: string, options: OAuthErrorOptions = {}) {
    super(description, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = reason;
    this.retryAfterSeconds = options.retryAfterSeconds ?? (RETRYABLE.has(code) ? RETRY_AFTER_SECONDS : undefined);
    this.scheme = options.scheme;
    this.#detail = options.detail;
  }

  /** What really happened, in words. */
  get detail(): string | undefined {
    return this.explain().detail;
  }

  /** What really happened. */
  explain(): Explanation {
    const detail = this.#detail;
    if (typeof detail === "function") return detail();
    return typeof detail === "object" ? detail : { detail };
  }
}

/** The caller's mistake in the request itself. */
export function invalidRequest(reason: ErrorReason, description: string, options?: OAuthErrorOptions): OAuthError {
  return new OAuthError("invalid_request", reason, description, options);
}

/** One answer for every credential that does not work. It never tells which part was wrong (RFC 6749 section 2.3.1). */
export function invalidCredentials(detail: OAuthErrorOptions["detail"], scheme?: "Basic" | "Bearer"): OAuthError {
  return new OAuthError(
    "invalid_client",
    "CREDENTIALS_INVALID",
    "Client authentication failed: unknown client, or wrong, expired or disabled credentials.",
    { ...(detail !== undefined && { detail }), ...(scheme && { scheme }) },
  );
}

/** Shared state is needed and away. The port that failed throws this itself. */
export function stateUnavailable(cause?: unknown): OAuthError {
  return new OAuthError("temporarily_unavailable", "STATE_UNAVAILABLE", "The shared state is away. Try again.", {
    cause,
  });
}

/** Whether the shared state is away: a store's failure, and no fault of ours. */
export function isStateUnavailable(error: unknown): boolean {
  return error instanceof OAuthError && error.reason === "STATE_UNAVAILABLE";
}

/** Any thrown value as a refusal. One that is not ours is our bug: its message goes to the log alone. */
export function toOAuthError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error;
  return new OAuthError("server_error", "INTERNAL", "The server failed. Its log explains this request id.", {
    cause: error,
  });
}

const NOT_ALLOWED = /[^\x20\x21\x23-\x5B\x5D-\x7E]/g;

/** Quotes a caller's string in an error description: only the characters of RFC 6749 section 5.2, at most `limit`. */
export function quoted(text: string, limit = 60): string {
  const safe = text.slice(0, limit).replace(NOT_ALLOWED, "?");
  return `'${safe}${text.length > limit ? "..." : ""}'`;
}

/** A URN, or a word shorter than any secret may be. */
const NAME = /^(?:urn:[a-z0-9:_.-]{1,76}|[a-z_]{1,23})$/;

/** As `quoted`, for a registered name. Leaves out anything that could also be a misplaced secret or token. */
export function quotedName(text: string): string {
  return NAME.test(text) ? quoted(text, 80) : "that was sent";
}
