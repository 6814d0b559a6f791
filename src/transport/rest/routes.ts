/** Which path is served how. */
import { documentPreflight, serveDocument, type Document } from "./documents.js";
import type { Discovery } from "./discovery.js";
import type { FormEndpoints } from "./form-endpoints.js";
import type { RestHandler, RestRoute, RestRoutes } from "./rest-message.js";

/** The path of the token endpoint in Iceberg's REST API: always served. */
export const TOKEN_PATH = "/v1/oauth/tokens";

/** What the routes lead to. */
export interface RouteOptions {
  readonly endpoints: FormEndpoints;
  readonly discovery: Discovery;
  readonly errorList: () => Document;
  /** Further paths of the token endpoint. */
  readonly tokenPaths: readonly string[];
  readonly issuer: string;
}

/** Makes the routes. */
export function createRoutes({ endpoints, discovery, errorList, tokenPaths, issuer }: RouteOptions): RestRoutes {
  const routes = new Map<string, RestRoute>();
  for (const path of [TOKEN_PATH, ...tokenPaths]) routes.set(path, form(endpoints.token));
  routes.set("/v1/oauth/revoke", form(endpoints.revoke));
  routes.set("/v1/oauth/introspect", form(endpoints.introspect));
  const issuerPath = new URL(issuer).pathname.replace(/\/$/, "");
  // Both with and without the issuer's path: a proxy in front may strip it. RFC 8414 puts it after the well-known part.
  for (const prefix of new Set(["", issuerPath])) {
    routes.set(`${prefix}/.well-known/jwks.json`, document(discovery.jwks));
    routes.set(`/.well-known/oauth-authorization-server${prefix}`, document(discovery.authorizationServer));
    routes.set(`${prefix}/.well-known/openid-configuration`, document(discovery.openIdConfiguration));
    routes.set(`${prefix}/errors`, document(errorList));
  }
  return routes;
}

function form(handler: RestHandler): RestRoute {
  return { allow: "POST", handlers: new Map([["POST", handler]]), takesForm: true };
}

function document(current: () => Document): RestRoute {
  const handler = serveDocument(current);
  return {
    allow: "GET, HEAD, OPTIONS",
    handlers: new Map([
      ["GET", handler],
      ["HEAD", handler],
      ["OPTIONS", documentPreflight],
    ]),
    takesForm: false,
  };
}
