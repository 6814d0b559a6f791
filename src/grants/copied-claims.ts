import type { AccessToken } from "../oauth/access-token.js";
import type { JsonObject } from "../oauth/json.js";
import type { TrustedIssuer } from "../issuers/trusted-issuer.js";

/** What tells which claims may still be copied. */
export interface ClaimSources {
  readonly trustedIssuers: () => readonly TrustedIssuer[];
}

const NONE: JsonObject = {};

/**
 * The claims of a token that speak of its user: those that it says were copied, as far as the settings still copy them.
 * Static claims end with the client that set them, and with its record: a refresh adds the present ones, and a
 * delegation those of the new client.
 */
export function copiedClaims({ claims, copied }: AccessToken, sources: ClaimSources): JsonObject {
  if (copied.length === 0) return NONE;
  const named = new Set(copied);
  return stillCopied(Object.fromEntries(Object.entries(claims).filter(([name]) => named.has(name))), sources);
}

/** Copied claims without those that no trusted issuer's settings name any more. */
export function stillCopied(claims: JsonObject, { trustedIssuers }: ClaimSources): JsonObject {
  const names = new Set(trustedIssuers().flatMap((issuer) => issuer.copiedClaims));
  return Object.fromEntries(Object.entries(claims).filter(([name]) => names.has(name)));
}
