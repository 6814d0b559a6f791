/** A Bearer token of ours as proof of who calls (RFC 6750). */
import type { ClientRegistry } from "../clients/client-registry.js";
import type { Client } from "../clients/client.js";
import { OAuthError } from "../oauth/error.js";
import type { Credentials } from "../oauth/request.js";
import { type TokenReading, type TokenVerifier, isLive } from "../tokens/token-verifier.js";

/** The token of a `Bearer` header (RFC 6750 section 2.1); undefined for any other scheme or none. */
export function bearerOf(credentials: Credentials): string | undefined {
  const [, token] = /^bearer +(\S+) *$/i.exec(credentials.authorization ?? "") ?? [];
  return token;
}

/** Reads a Bearer token and finds its client. Throws `invalid_client` unless the token is live and the client is served. */
export function readBearer(
  bearer: string,
  { verifier, registry }: { readonly verifier: TokenVerifier; readonly registry: ClientRegistry },
): { readonly reading: TokenReading; readonly client: Client } {
  const reading = verifier.read(bearer);
  if (reading === undefined) throw bearerInvalid("not a token of this issuer");
  if (!isLive(reading)) throw bearerInvalid(reading.revoked ? "revoked" : "expired");
  const client = registry.current.byId.get(reading.token.clientId);
  if (client === undefined || client.disabled) throw bearerInvalid("the token's client is gone or disabled");
  return { reading, client };
}

/** One text for all: nothing tells a forged token from a revoked one. */
export function bearerInvalid(detail: string): OAuthError {
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
