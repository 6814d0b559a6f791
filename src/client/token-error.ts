/** Why there is no token. */

/** Each code has its own remedy. */
export type TokenErrorCode =
  /** The server refused. The same credential and parameters fail again. */
  | "refused"
  /** The server could not be reached, or could not answer, during the caller's wait. */
  | "unavailable"
  /** The source was closed. */
  | "closed";

/** The message contains no secret and no token. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly code: TokenErrorCode;
  /** The `error` member of the server's answer (RFC 6749 section 5.2). */
  readonly oauthError: string | undefined;
  /** The wait that the server asks for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: TokenErrorCode,
    message: string,
    details: {
      readonly oauthError?: string;
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.oauthError = details.oauthError;
    this.retryAfterMs = details.retryAfterMs;
  }
}
