/** Client authentication by our own Bearer token (RFC 6750). */
import { type ClientRegistry, findClient } from "../clients/client-registry.js";
import type { Client } from "../clients/client.js";
import { type AccessToken, isOwnToken } from "../oauth/access-token.js";
import { type Explanation, OAuthError } from "../oauth/error.js";
import type { Credentials } from "../oauth/request.js";
import { type TokenReading, type TokenVerifier, isLive } from "../tokens/token-verifier.js";

/** The token of a `Bearer` header (RFC 6750 section 2.1); undefined for any other scheme or none. */
export function bearerOf(credentials: Credentials): string | undefined {
  const [, token] = /^bearer +(\S+) *$/i.exec(credentials.authorization ?? "") ?? [];
  return token;
}

/**
 * Throws `invalid_client` unless the token is live and the client is served.
 */
export function readBearer(
  bearer: string,
  { verifier, registry }: { readonly verifier: TokenVerifier; readonly registry: ClientRegistry },
): { readonly reading: TokenReading; readonly client: Client } {
  const reading = verifier.read(bearer);
  if (reading === undefined) throw bearerInvalid("not a token of this issuer");
  if (!isLive(reading)) throw bearerInvalid(whyDead(reading));
  const { clientId } = reading.token;
  const client = findClient(registry.current, clientId);
  if (client === undefined) {
    throw bearerInvalid({ failure: "client_unknown", client: clientId, detail: "the token's client is gone" });
  }
  if (client.disabled) {
    throw bearerInvalid({ failure: "client_disabled", client: clientId, detail: "the token's client is disabled" });
  }
  // A token of a user names the rules of all its clients, which its grant compares with the present ones.
  if (isOwnToken(reading.token) && !isOfPresentRule(reading.token, client)) {
    const detail = "the workload rule of its client has changed";
    throw bearerInvalid({ failure: "token_invalid", client: clientId, detail });
  }
  return { reading, client };
}

/** Why a token that this server signed may not be used. */
export function whyDead({ revoked, token }: TokenReading): Explanation {
  const { clientId: client, session } = token;
  if (revoked) return { failure: "token_revoked", client, detail: `revoked, with its session ${session.id} or more` };
  const when = new Date(token.expiresAt).toISOString();
  return { failure: "token_expired", client, detail: `expired at ${when}` };
}

/**
 * Whether a client's own token began under the rule that derives the client now; without rules on both sides, it did.
 */
export function isOfPresentRule({ ruleDigests }: Pick<AccessToken, "ruleDigests">, { workload }: Client): boolean {
  return ruleDigests.length === (workload === undefined ? 0 : 1) && ruleDigests[0] === workload?.digest;
}

/** The same string for every reason: it does not tell a forged token from a revoked one. */
export function bearerInvalid(why: string | Explanation): OAuthError {
  const detail: Explanation = typeof why === "string" ? { failure: "token_invalid", detail: why } : why;
  return new OAuthError(
    "invalid_client",
    "BEARER_INVALID",
    "The Bearer token is not a live token of this server that may be used here. Use the client's own credentials.",
    { scheme: "Bearer", detail },
  );
}

export function credentialsMissing(): OAuthError {
  return new OAuthError(
    "invalid_client",
    "CREDENTIALS_MISSING",
    "No client credentials: send client_id and client_secret, a Basic or Bearer header, or a client_assertion.",
  );
}
