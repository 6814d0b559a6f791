/** Errors over HTTP: one total table of statuses, and the answer (RFC 6749 section 5.2). */
import type { OAuthError, OAuthErrorCode } from "../../oauth/error.js";
import type { RestResponse } from "./rest-message.js";

/** Iceberg's API documents 200, 400, 401 and 5XX. Its clients also know 429. */
export const STATUS = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  slow_down: 429,
  temporarily_unavailable: 503,
  server_error: 500,
} as const satisfies Record<OAuthErrorCode, number>;

const MAX_DESCRIPTION = 200;
const NOT_ALLOWED = /[^\x20\x21\x23-\x5B\x5D-\x7E]/g;

export interface ErrorLinks {
  /** The page that has an anchor for every reason. */
  readonly errorsUri: string;
}

/** `status` is for what HTTP itself refuses, such as 404 and 405. */
export function errorResponse(
  error: OAuthError,
  requestId: string,
  { errorsUri }: ErrorLinks,
  status: number = STATUS[error.code],
): RestResponse {
  const headers = [
    "Content-Type",
    "application/json",
    "Cache-Control",
    "no-store",
    "Pragma",
    "no-cache",
    "X-Request-Id",
    requestId,
  ];
  if (status === 401) headers.push("WWW-Authenticate", challenge(error));
  const retryAfterSeconds = retryAfter(error);
  if (retryAfterSeconds !== undefined) headers.push("Retry-After", String(retryAfterSeconds));
  const body = JSON.stringify({
    error: error.code,
    error_description: clean(error.message),
    error_uri: `${errorsUri}#${error.reason}`,
  });
  return { status, headers, body };
}

/** Whole seconds, at least 1: Java clients parse an integer. */
function retryAfter({ retryAfterSeconds }: OAuthError): number | undefined {
  return retryAfterSeconds === undefined ? undefined : Math.max(1, Math.ceil(retryAfterSeconds));
}

/** Names the scheme that was used (RFC 6749 section 5.2; RFC 6750 section 3; RFC 7617 section 2.1). */
function challenge({ scheme }: OAuthError): string {
  return scheme === "Bearer"
    ? 'Bearer realm="icemint", error="invalid_token"'
    : 'Basic realm="icemint", charset="UTF-8"';
}

/** The core's descriptions are clean. This is the last check against one that is not (RFC 6749 section 5.2). */
function clean(description: string): string {
  const safe = description.replace(NOT_ALLOWED, "?");
  return safe.length > MAX_DESCRIPTION ? `${safe.slice(0, MAX_DESCRIPTION - 3)}...` : safe;
}
