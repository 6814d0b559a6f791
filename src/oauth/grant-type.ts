import { OAuthError, invalidRequest, quotedName } from "./error.js";

/** The grants, by the names that a client's record uses. */
export const GRANT_TYPES = ["client_credentials", "token_exchange", "refresh_token", "jwt_bearer"] as const;

export type GrantType = (typeof GRANT_TYPES)[number];

const WIRE: Readonly<Record<GrantType, string>> = {
  client_credentials: "client_credentials",
  token_exchange: "urn:ietf:params:oauth:grant-type:token-exchange",
  refresh_token: "refresh_token",
  jwt_bearer: "urn:ietf:params:oauth:grant-type:jwt-bearer",
};

/** Spells a grant as `grant_type` does. */
export function grantTypeOnWire(type: GrantType): string {
  return WIRE[type];
}

/**
 * Reads `grant_type`, the first thing that is read of a request (RFC 6749 section 5.2). Throws `invalid_request` if it
 * is missing and `unsupported_grant_type` if it is unknown; comparison is case-sensitive.
 */
export function parseGrantType(value: string | undefined): GrantType {
  if (value === undefined) {
    throw invalidRequest("GRANT_TYPE_MISSING", "grant_type is missing from the form body.");
  }
  const type = GRANT_TYPES.find((known) => WIRE[known] === value);
  if (type === undefined) throw unsupportedGrantType(quotedName(value));
  return type;
}

/** The refusal of a grant that this server does not know. */
export function unsupportedGrantType(what: string): OAuthError {
  return new OAuthError(
    "unsupported_grant_type",
    "GRANT_TYPE_UNSUPPORTED",
    `grant_type ${what} is not supported. Supported: ${Object.values(WIRE).join(", ")}.`,
  );
}
