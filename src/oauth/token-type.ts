import { invalidRequest, quotedName } from "./error.js";

const URN = "urn:ietf:params:oauth:token-type:";

/** The token types of RFC 8693 section 3, which are also those of Iceberg's REST API. */
export const TOKEN_TYPES = ["access_token", "refresh_token", "id_token", "saml1", "saml2", "jwt"] as const;

/** A token type, without its URN prefix. */
export type TokenType = (typeof TOKEN_TYPES)[number];

/** Spells a token type as RFC 8693 does. */
export function tokenTypeUrn(type: TokenType): string {
  return URN + type;
}

/** Reads a token type. Throws `invalid_request`, which names `parameter` and the accepted types. */
export function parseTokenType(value: string, parameter: string): TokenType {
  const type = TOKEN_TYPES.find((known) => URN + known === value);
  if (type === undefined) {
    throw invalidRequest(
      "TOKEN_TYPE_UNSUPPORTED",
      `${parameter} ${quotedName(value)} is unknown. Known: ${URN}access_token, id_token, jwt.`,
    );
  }
  return type;
}
