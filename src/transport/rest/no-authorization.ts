/**
 * The authorization endpoint (RFC 6749 section 3.1) that supports no response type, as `response_types_supported` says. It is
 * there because readers of metadata require one: OpenID Connect Discovery 1.0 section 3, and the Model Context Protocol's
 * TypeScript SDK, which rejects the whole document without it. It reads nothing, and redirects nowhere.
 */
import type { RestHandler } from "./rest-message.js";

const BODY = JSON.stringify({
  error: "unsupported_response_type",
  error_description: "No response type is supported: nobody signs in here. Clients get tokens at the token endpoint.",
});

export const refuseAuthorization: RestHandler = ({ caller }) => ({
  status: 400,
  headers: ["Content-Type", "application/json", "Cache-Control", "no-store", "X-Request-Id", caller.requestId],
  body: BODY,
});
