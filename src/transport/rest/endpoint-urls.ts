/** Where the endpoints are: below the issuer, as metadata, errors and assertions name them. */

/** The path of the token endpoint in Iceberg's REST API: always served. */
export const TOKEN_PATH = "/v1/oauth/tokens";
export const REVOCATION_PATH = "/v1/oauth/revoke";
export const INTROSPECTION_PATH = "/v1/oauth/introspect";
export const JWKS_PATH = "/.well-known/jwks.json";
export const ERRORS_PATH = "/errors";

/** A URL of this server, as seen from outside: below the issuer, whatever path that has, with one slash between. */
export function endpointUrl(issuer: string, path: string): string {
  return (issuer.endsWith("/") ? issuer.slice(0, -1) : issuer) + path;
}
