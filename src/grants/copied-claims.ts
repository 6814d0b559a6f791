import type { ClientRegistry } from "../clients/client-registry.js";
import { type AccessToken, isOwnToken } from "../oauth/access-token.js";
import type { JsonObject } from "../oauth/json.js";
import type { TrustedIssuer } from "../issuers/trusted-issuer.js";

/** What tells the two kinds of claims apart, as the settings are now. */
export interface ClaimSources {
  readonly registry: ClientRegistry;
  readonly trustedIssuers: () => readonly TrustedIssuer[];
}

/**
 * The claims of a token that speak of its user: those that some trusted issuer's tokens bring along. The others are
 * static ones of the client that it was issued to. They end with that client, and with its record: a refresh takes the
 * present ones, and a delegation those of the new client.
 */
export function copiedClaims(token: AccessToken, { registry, trustedIssuers }: ClaimSources): JsonObject {
  if (isOwnToken(token)) return {};
  const names = new Set(trustedIssuers().flatMap((issuer) => issuer.copiedClaims));
  const ofClient = registry.current.byId.get(token.clientId)?.claims ?? {};
  return Object.fromEntries(
    Object.entries(token.claims).filter(([name]) => names.has(name) && !Object.hasOwn(ofClient, name)),
  );
}
