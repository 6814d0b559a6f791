/** The answers that are no errors. */
import type { TokenResponse } from "../../oauth/response.js";
import type { Introspection } from "../../endpoints/introspection.js";
import type { RestResponse } from "./rest-message.js";

/** A token (RFC 6749 section 5.1). */
export function tokenAnswer(response: TokenResponse, requestId: string): RestResponse {
  return { status: 200, headers: secretHeaders("application/json", requestId), body: JSON.stringify(response) };
}

/** The answer to a revocation, whether or not there was anything to revoke (RFC 7009 section 2.2). */
export function revokedAnswer(requestId: string): RestResponse {
  return { status: 200, headers: secretHeaders("application/json", requestId), body: "" };
}

/** The media type of a signed introspection answer. */
export const SIGNED_INTROSPECTION = "application/token-introspection+jwt";

/** What is known of a token: as members (RFC 7662 section 2.2), or in a signed JWT (RFC 9701 section 5). */
export function introspectionAnswer(introspection: Introspection | string, requestId: string): RestResponse {
  const isSigned = typeof introspection === "string";
  return {
    status: 200,
    headers: secretHeaders(isSigned ? SIGNED_INTROSPECTION : "application/json", requestId),
    body: isSigned ? introspection : JSON.stringify(introspection),
  };
}

function secretHeaders(contentType: string, requestId: string): readonly string[] {
  return ["Content-Type", contentType, "Cache-Control", "no-store", "Pragma", "no-cache", "X-Request-Id", requestId];
}
