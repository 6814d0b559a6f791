/** Errors over gRPC and Connect: one total table of codes, and the details that callers act on. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { KeysFixedError } from "../../keys/key-operations.js";
import { OAuthError, type ErrorReason, type OAuthErrorCode, toOAuthError } from "../../oauth/error.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";

const CODES = {
  invalid_request: Code.InvalidArgument,
  invalid_client: Code.Unauthenticated,
  invalid_grant: Code.FailedPrecondition,
  unauthorized_client: Code.PermissionDenied,
  unsupported_grant_type: Code.InvalidArgument,
  invalid_scope: Code.InvalidArgument,
  invalid_target: Code.InvalidArgument,
  slow_down: Code.ResourceExhausted,
  temporarily_unavailable: Code.Unavailable,
  server_error: Code.Internal,
} as const satisfies Record<OAuthErrorCode, Code>;

/** The name of the gRPC status, such as `INVALID_ARGUMENT`. */
export function rpcStatusName(code: OAuthErrorCode): string {
  return Code[CODES[code]].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

/** For these reasons gRPC has a more exact code than OAuth. */
const CODES_BY_REASON: Readonly<Partial<Record<ErrorReason, Code>>> = {
  TIMED_OUT: Code.DeadlineExceeded,
  CURSOR_GONE: Code.OutOfRange,
  CONSUMER_TOO_SLOW: Code.ResourceExhausted,
  KEY_UNKNOWN: Code.NotFound,
};

/** For these reasons one field of the message is at fault. */
const FIELDS: Readonly<Partial<Record<ErrorReason, string>>> = {
  GRANT_TYPE_UNSUPPORTED: "grant",
  SCOPE_MALFORMED: "scope",
  SCOPE_NOT_ALLOWED: "scope",
  SCOPE_MISSING: "scope",
  SUBJECT_TOKEN_INVALID: "token_exchange.subject_token",
  ACTOR_TOKEN_INVALID: "token_exchange.actor_token",
};

const DOMAIN = "icemint";

/** The details are google.rpc messages, which clients know. */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  const refusal = toOAuthError(error);
  const connectError = new ConnectError(refusal.message, codeOf(refusal), undefined, undefined, refusal);
  connectError.details.push(errorInfo(refusal.reason, refusal.code));
  const { retryAfterSeconds } = refusal;
  if (retryAfterSeconds !== undefined) {
    connectError.details.push({ desc: RetryInfoSchema, value: { retryDelay: toDuration(retryAfterSeconds) } });
  }
  const field = FIELDS[refusal.reason];
  if (field !== undefined) {
    const violation = { field, description: refusal.message, reason: refusal.reason };
    connectError.details.push({ desc: BadRequestSchema, value: { fieldViolations: [violation] } });
  }
  return connectError;
}

/**
 * Adds `ErrorInfo` to an error of the protocol itself, such as an unreadable message or an unknown compression. An
 * error that has details stays as it is.
 */
export function withErrorInfo(error: ConnectError): ConnectError {
  if (error.details.length > 0) return error;
  const [reason, code] = PROTOCOL_FAILURES[error.code] ?? (["REQUEST_MALFORMED", "invalid_request"] as const);
  error.details.push(errorInfo(reason, code));
  return error;
}

/**
 * An error of the protocol itself, or a fault of ours, as the refusal that the log records. gRPC asks for INTERNAL also
 * where the caller is at fault, such as for a compressed message without an encoding. Only a fault of ours has a cause,
 * but for zlib's complaint of broken bytes.
 */
export function refusalOfCall(error: unknown): OAuthError {
  if (!(error instanceof ConnectError)) return toOAuthError(error);
  if (error.cause instanceof OAuthError) return error.cause;
  const isCallers = error.code === Code.Internal && (error.cause === undefined || isOfZlib(error.cause));
  const failure = isCallers ? undefined : PROTOCOL_FAILURES[error.code];
  const [reason, code] = failure ?? (["REQUEST_MALFORMED", "invalid_request"] as const);
  return new OAuthError(code, reason, error.rawMessage, { cause: error.cause });
}

function isOfZlib(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" && cause.code.startsWith("Z_");
}

const PROTOCOL_FAILURES: Readonly<Partial<Record<Code, readonly [ErrorReason, OAuthErrorCode]>>> = {
  [Code.Internal]: ["INTERNAL", "server_error"],
  [Code.DeadlineExceeded]: ["TIMED_OUT", "temporarily_unavailable"],
  [Code.Unavailable]: ["OVERLOADED", "temporarily_unavailable"],
};

function codeOf({ code, reason, cause }: OAuthError): Code {
  if (cause instanceof KeysFixedError) return Code.FailedPrecondition; // no retry helps: this server cannot change its keys
  return CODES_BY_REASON[reason] ?? CODES[code];
}

function errorInfo(reason: ErrorReason, code: OAuthErrorCode) {
  const value = create(ErrorInfoSchema, { reason, domain: DOMAIN, metadata: { oauth_error: code } });
  return { desc: ErrorInfoSchema, value };
}

function toDuration(seconds: number) {
  return { seconds: BigInt(Math.floor(seconds)), nanos: Math.round((seconds % 1) * 1e9) };
}
