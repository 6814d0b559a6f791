/** From a form to the plain request of the core. Decides nothing about grants. */
import { parseGrantType, type GrantType } from "../../oauth/grant-type.js";
import { invalidRequest, type ErrorReason } from "../../oauth/error.js";
import type { GrantParameters, TokenRequest } from "../../oauth/request.js";
import { parseTokenType, type TokenType } from "../../oauth/token-type.js";
import type { RevocationTarget } from "../../endpoints/revocation.js";
import type { CallerRequest } from "../../oauth/request.js";
import { credentialsOf, knownParameters, readForm, type FormBody } from "./form.js";
import type { RestRequest } from "./rest-message.js";

const CLIENT = ["client_id", "client_secret", "client_assertion", "client_assertion_type"] as const;

const TOKEN_PARAMETERS = knownParameters(
  "grant_type",
  "scope",
  ...CLIENT,
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

/** Reads a request for a token. Throws `OAuthError`. */
export function toTokenRequest(request: RestRequest): TokenRequest {
  const form = readForm(request, TOKEN_PARAMETERS);
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

/** Reads a revocation (RFC 7009 section 2.1). The hint changes nothing. Throws `OAuthError`. */
export function toRevocation(request: RestRequest): CallerRequest & { readonly target: RevocationTarget } {
  const { token, credentials, caller } = toOneToken(request);
  return { target: { kind: "token", token }, credentials, caller };
}

/** Reads an introspection (RFC 7662 section 2.1). The hint changes nothing. Throws `OAuthError`. */
export function toOneToken(request: RestRequest): CallerRequest & { readonly token: string } {
  const form = readForm(request, ONE_TOKEN_PARAMETERS);
  if (form.token === undefined) {
    refuseQuery(request, "PARAMETER_MISSING");
    throw invalidRequest("PARAMETER_MISSING", "token is missing from the form body.");
  }
  return { token: form.token, credentials: credentialsOf(form, request), caller: request.caller };
}

function toGrant(type: GrantType, form: FormBody): GrantParameters {
  switch (type) {
    case "client_credentials":
      return { type };
    case "refresh_token":
      return { type, refreshToken: form.refresh_token };
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

/** Parameters in the query count as absent (RFC 6749 section 2.3.1); the refusal says so, since nothing else would. */
function refuseQuery({ query }: RestRequest, reason: ErrorReason): void {
  if (query === undefined || !IN_QUERY.test(query)) return;
  throw invalidRequest(
    reason,
    "Parameters in the URL are ignored: send them in the form body. In ClickHouse, set oauth_server_use_request_body = 1.",
  );
}
