/** One attempt of an exchange: the form of the caller with the credential of the edge. */
import type { Credential } from "../../client/credential.js";
import {
  askTokenEndpoint,
  type IssuedToken,
  type TokenEndpoint,
  type TokenRequestContext,
} from "../../client/token-endpoint.js";
import { TokenError } from "../../client/token-error.js";
import { addCredential } from "../../client/token-form.js";
import type { JsonObject } from "../../oauth/json.js";

export interface TokenAnswer {
  readonly token: IssuedToken;
  /** All members of the server's answer. */
  readonly members: JsonObject;
}

/** A refusal in the server's words. They are for the caller, never for the log: they may repeat what was sent. */
export class ExchangeRefused extends TokenError {
  readonly description: string;

  constructor({ code, message, oauthError }: TokenError, description: string) {
    super(code, message, oauthError === undefined ? {} : { oauthError });
    this.description = description;
  }
}

/** The caller's own credential. */
const CREDENTIALS = ["client_id", "client_secret", "client_assertion", "client_assertion_type"] as const;
const MAX_DESCRIPTION_LENGTH = 500;

/** Rejects with a `TokenError`. */
export async function requestExchange(
  endpoint: TokenEndpoint,
  credential: Credential,
  callersForm: URLSearchParams,
  context: TokenRequestContext,
): Promise<TokenAnswer> {
  const form = new URLSearchParams(callersForm);
  for (const name of CREDENTIALS) form.delete(name);
  addCredential(form, await credential(context.signal));
  const { outcome, members } = await askTokenEndpoint(endpoint, form, context);
  if (!(outcome instanceof TokenError)) return { token: outcome, members };
  const description = members["error_description"];
  if (outcome.code !== "refused" || typeof description !== "string") throw outcome;
  throw new ExchangeRefused(outcome, printable(description));
}

/** RFC 6749 section 5.2. */
function printable(text: string): string {
  return text.slice(0, MAX_DESCRIPTION_LENGTH).replaceAll(/[^\x20-\x7E]/g, "?");
}
