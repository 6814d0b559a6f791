/**
 * Every HTTP path of the server, below its issuer. Routes, metadata, errors, clients and the start banner read them
 * here.
 */

/** The path of the token endpoint in Iceberg's REST API: always served. */
export const TOKEN_PATH = "/v1/oauth/tokens";
export const AUTHORIZATION_PATH = "/v1/oauth/authorize";
export const REVOCATION_PATH = "/v1/oauth/revoke";
export const INTROSPECTION_PATH = "/v1/oauth/introspect";
export const JWKS_PATH = "/.well-known/jwks.json";
export const ERRORS_PATH = "/errors";
/** RFC 8414 section 3. */
export const SERVER_METADATA_PATH = "/.well-known/oauth-authorization-server";
/** OpenID Connect Discovery 1.0 section 4: other issuers publish theirs there too. */
export const OPENID_METADATA_PATH = "/.well-known/openid-configuration";

/** The URL of a path as callers see it: below the issuer and its path, with one slash between. */
export function endpointUrl(issuer: string, path: string): string {
  return (issuer.endsWith("/") ? issuer.slice(0, -1) : issuer) + path;
}
