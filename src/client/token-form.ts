import type { PresentedCredential } from "./credential.js";

/** An absent member means the default of the client's record. */
export interface TokenParameters {
  /** Scope words with single spaces. */
  readonly scope?: string;
  /** Names of the services that accept the token (RFC 8693 section 2.1). */
  readonly audience?: string | readonly string[];
  /** Absolute URIs of those services (RFC 8707 section 2). */
  readonly resource?: string | readonly string[];
}

const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/**
 * The form of a client credentials request (RFC 6749 section 4.4.2). The credential is in the body, which no proxy
 * logs.
 */
export function tokenForm(parameters: TokenParameters, credential: PresentedCredential): URLSearchParams {
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  addCredential(form, credential);
  if (parameters.scope !== undefined) form.set("scope", parameters.scope);
  for (const audience of listed(parameters.audience)) form.append("audience", audience);
  for (const resource of listed(parameters.resource)) form.append("resource", resource);
  return form;
}

export function addCredential(form: URLSearchParams, credential: PresentedCredential): void {
  const { clientId, clientSecret, clientAssertion } = credential;
  if (clientId !== undefined) form.set("client_id", clientId);
  if (clientSecret !== undefined) form.set("client_secret", clientSecret);
  if (clientAssertion !== undefined) {
    form.set("client_assertion_type", JWT_BEARER);
    form.set("client_assertion", clientAssertion);
  }
}

function listed(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}
