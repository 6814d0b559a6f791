/** The page that `error_uri` points to: every reason, in a line or two. docs/errors.md says more. */
import type { ErrorReason } from "../../oauth/error.js";
import type { Document } from "./documents.js";

export const REASONS = {
  REQUEST_MALFORMED:
    "The request could not be read: its encoding, media type, size, or a repeated or too long parameter.",
  PARAMETER_MISSING: "A parameter that this grant needs is absent or empty.",
  PARAMETER_INVALID: "A parameter has a value that is not allowed for it.",
  GRANT_TYPE_MISSING: "No grant_type in the form body. Parameters in the URL are ignored.",
  GRANT_TYPE_UNSUPPORTED: "The grant type is not one that this server knows.",
  CREDENTIALS_AMBIGUOUS: "The client authenticated in more than one way in one request. Send one.",
  CREDENTIALS_MISSING: "No credentials were sent. Send Basic, client_id and client_secret, or client_assertion.",
  CREDENTIALS_INVALID: "Unknown client, or wrong, expired or disabled credentials. Which of them is not told.",
  BEARER_INVALID: "The Bearer token is not a live token of this server that may be used here.",
  ASSERTION_INVALID:
    "The assertion (RFC 7523) was refused: malformed, too old, not for this server, or of nobody that is known.",
  GRANT_NOT_ALLOWED: "The client may not use this grant. An operator adds it to the client's grants.",
  PERMISSION_MISSING: "The client lacks the permission that this call needs.",
  SCOPE_MALFORMED: "The scope is not a list of words with single spaces between (RFC 6749 section 3.3).",
  SCOPE_NOT_ALLOWED: "More scope was asked for than the client, the subject and the actor all allow.",
  SCOPE_MISSING: "No scope was asked for, and the client has no default.",
  TARGET_NOT_ALLOWED: "An audience or resource is malformed or not allowed for the client (RFC 8707).",
  SUBJECT_TOKEN_INVALID: "The subject token is not valid: its form, signature, times, audience or issuer.",
  SUBJECT_NOT_ALLOWED: "The subject token is valid, but this client may not exchange it.",
  ACTOR_TOKEN_INVALID: "The actor token is not valid, or belongs to another client than the one that authenticated.",
  TOKEN_TYPE_UNSUPPORTED: "A token of this type cannot be exchanged, or cannot be issued.",
  SESSION_ENDING: "The session is so near its end that a refresh gains nothing. Authenticate again.",
  SESSION_ENDED: "The session has ended. Authenticate again.",
  SESSION_REVOKED: "The session was revoked.",
  DELEGATION_TOO_DEEP: "The chain of actors would be longer than is allowed.",
  REFRESH_TOKEN_INVALID: "The refresh token is unknown, expired, reused, revoked or another client's.",
  TOO_MANY_FAILURES: "Too many failed authentications from this client and address. Wait as Retry-After says.",
  QUOTA_EXCEEDED: "Too much is stored for this client.",
  STATE_UNAVAILABLE: "The shared state is away, and this request needs it. Try again as Retry-After says.",
  OVERLOADED: "The server has more work than it can do in time, or is going away. Try again.",
  TIMED_OUT: "The request took longer than the caller or the server allows.",
  ISSUER_UNAVAILABLE: "The keys of a trusted issuer cannot be fetched now. Try again.",
  CURSOR_GONE: "The cursor of the stream is no longer kept. Start again without one.",
  CONSUMER_TOO_SLOW: "The stream was read too slowly and events were lost. Start again without a cursor.",
  KEY_UNKNOWN: "There is no such signing key.",
  INTERNAL: "A fault of the server. The log line with the request id explains it.",
} as const satisfies Record<ErrorReason, string>;

const MAX_AGE_SECONDS = 3600;

export function createErrorList(): () => Document {
  const rows = Object.entries(REASONS).map(([reason, text]) => `<dt id="${reason}">${reason}</dt><dd>${text}</dd>`);
  const body =
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>icemint: errors</title>` +
    `<style>body{font:1rem sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}` +
    `dt{font-family:monospace;margin-top:1rem}:target{background:#ff9}</style>` +
    `<h1>Why a request was refused</h1><dl>${rows.join("\n")}</dl></html>\n`;
  return () => ({ contentType: "text/html; charset=utf-8", body, maxAgeSeconds: MAX_AGE_SECONDS });
}
