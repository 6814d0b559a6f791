/** Why there is no token. */

/** What a caller can do about it. */
export type TokenErrorCode =
  /** The server refused: another attempt with the same credential and parameters is refused too. */
  | "refused"
  /** The server could not be reached, or could not answer, for as long as the caller was to wait. */
  | "unavailable"
  /** The source was closed. */
  | "closed";

/** There is no token. The message holds no secret and no token. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly code: TokenErrorCode;
  /** The `error` member of the server's answer (RFC 6749 section 5.2). */
  readonly oauthError: string | undefined;
  /** What the server wants waited for, in milliseconds. */
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
