/** Between forms and JSON and the plain requests and answers of the core. Decides nothing about grants. */
import { parseGrantType, type GrantType } from "../../oauth/grant-type.js";
import { invalidRequest, type ErrorReason } from "../../oauth/error.js";
import type { CallerRequest, GrantParameters, TokenRequest } from "../../oauth/request.js";
import { parseTokenType, type TokenType } from "../../oauth/token-type.js";
import type { Introspection } from "../../endpoints/introspection.js";
import type { RevocationTarget } from "../../endpoints/revocation.js";
import type { TokenResponse } from "../../oauth/response.js";
import { credentialsOf, knownParameters, readForm, type FormBody } from "./form.js";
import type { RestRequest, RestResponse } from "./rest-message.js";

const CLIENT = ["client_id", "client_secret", "client_assertion", "client_assertion_type"] as const;

const TOKEN_PARAMETERS = knownParameters(
  "grant_type",
  "scope",
  ...CLIENT,
  "assertion",
  "subject_token",
  "subject_token_type",
  "actor_token",
  "actor_token_type",
  "requested_token_type",
  "refresh_token",
  "audience",
  "resource",
);

const ONE_TOKEN_PARAMETERS = knownParameters("token", "token_type_hint", ...CLIENT);

/** Throws `OAuthError`. */
export function toTokenRequest(request: RestRequest): TokenRequest {
  const form = readForm(request, TOKEN_PARAMETERS, { json: true });
  if (form.grant_type === undefined) refuseQuery(request, "GRANT_TYPE_MISSING");
  return {
    grant: toGrant(parseGrantType(form.grant_type), form),
    credentials: credentialsOf(form, request),
    scope: form.scope,
    audience: form.audience,
    resource: form.resource,
    caller: request.caller,
  };
}

/** RFC 7009 section 2.1. The hint changes nothing. Throws `OAuthError`. */
export function toRevocation(request: RestRequest): CallerRequest & { readonly target: RevocationTarget } {
  const { token, credentials, caller } = toOneToken(request);
  return { target: { kind: "token", token }, credentials, caller };
}

/** RFC 7662 section 2.1. The hint changes nothing. Throws `OAuthError`. */
export function toOneToken(request: RestRequest): CallerRequest & { readonly token: string } {
  const form = readForm(request, ONE_TOKEN_PARAMETERS, { json: false });
  if (form.token === undefined) {
    refuseQuery(request, "PARAMETER_MISSING");
    throw invalidRequest("PARAMETER_MISSING", "token is missing from the form body.");
  }
  return { token: form.token, credentials: credentialsOf(form, request), caller: request.caller };
}

/** RFC 6749 section 5.1. */
export function tokenAnswer(response: TokenResponse, requestId: string): RestResponse {
  return { status: 200, headers: secretHeaders("application/json", requestId), body: JSON.stringify(response) };
}

/** The same answer whether or not there was anything to revoke (RFC 7009 section 2.2). */
export function revokedAnswer(requestId: string): RestResponse {
  return { status: 200, headers: secretHeaders("application/json", requestId), body: "" };
}

export const SIGNED_INTROSPECTION = "application/token-introspection+jwt";

/** Either plain members (RFC 7662 section 2.2) or a signed JWT (RFC 9701 section 5). */
export function introspectionAnswer(introspection: Introspection | string, requestId: string): RestResponse {
  const isSigned = typeof introspection === "string";
  return {
    status: 200,
    headers: secretHeaders(isSigned ? SIGNED_INTROSPECTION : "application/json", requestId),
    body: isSigned ? introspection : JSON.stringify(introspection),
  };
}

function toGrant(type: GrantType, form: FormBody): GrantParameters {
  switch (type) {
    case "client_credentials":
      return { type };
    case "refresh_token":
      return { type, refreshToken: form.refresh_token };
    case "jwt_bearer":
      return { type, assertion: form.assertion };
    case "token_exchange":
      return {
        type,
        subjectToken: form.subject_token,
        subjectTokenType: toTokenType(form, "subject_token_type"),
        actorToken: form.actor_token,
        actorTokenType: toTokenType(form, "actor_token_type"),
        requestedTokenType: toTokenType(form, "requested_token_type"),
      };
  }
}

function toTokenType(
  form: FormBody,
  name: "subject_token_type" | "actor_token_type" | "requested_token_type",
): TokenType | undefined {
  const value = form[name];
  return value === undefined ? undefined : parseTokenType(value, name);
}

const IN_QUERY = /(?:^|&)(?:grant_type|client_id|client_secret|token)=/;

/** Parameters in the query count as absent (RFC 6749 section 2.3.1). Only this refusal tells the caller why. */
function refuseQuery({ query }: RestRequest, reason: ErrorReason): void {
  if (query === undefined || !IN_QUERY.test(query)) return;
  throw invalidRequest(
    reason,
    "Parameters in the URL are ignored: send them in the form body. In ClickHouse, set oauth_server_use_request_body = 1.",
  );
}

function secretHeaders(contentType: string, requestId: string): readonly string[] {
  return ["Content-Type", contentType, "Cache-Control", "no-store", "Pragma", "no-cache", "X-Request-Id", requestId];
}
