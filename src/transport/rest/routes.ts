/** The paths of REST and what serves them. */
import { documentPreflight, serveDocument, type Document } from "./documents.js";
import type { Discovery } from "./discovery.js";
import { refuseAuthorization } from "./no-authorization.js";
import {
  AUTHORIZATION_PATH,
  ERRORS_PATH,
  INTROSPECTION_PATH,
  JWKS_PATH,
  OPENID_METADATA_PATH,
  REVOCATION_PATH,
  SERVER_METADATA_PATH,
  TOKEN_PATH,
} from "../../oauth/paths.js";
import type { FormEndpoints } from "./form-endpoints.js";
import type { RestHandler, RestRoute, RestRoutes } from "./rest-message.js";
import type { EndpointName } from "../../telemetry/events.js";

export interface RouteOptions {
  readonly endpoints: FormEndpoints;
  readonly discovery: Discovery;
  readonly errorList: () => Document;
  /** Further paths of the token endpoint. */
  readonly tokenPaths: readonly string[];
  readonly issuer: string;
}

export function createRoutes({ endpoints, discovery, errorList, tokenPaths, issuer }: RouteOptions): RestRoutes {
  const routes = new Map<string, RestRoute>();
  for (const path of tokenPaths) routes.set(path, form("token", endpoints.token));
  // With and without the issuer's path, because a proxy may strip it.
  const issuerPath = new URL(issuer).pathname.replace(/\/$/, "");
  for (const prefix of new Set(["", issuerPath])) {
    routes.set(prefix + TOKEN_PATH, form("token", endpoints.token));
    routes.set(prefix + AUTHORIZATION_PATH, noAuthorization);
    routes.set(prefix + REVOCATION_PATH, form("revoke", endpoints.revoke));
    routes.set(prefix + INTROSPECTION_PATH, form("introspect", endpoints.introspect));
    routes.set(prefix + JWKS_PATH, document(discovery.jwks));
    routes.set(prefix + ERRORS_PATH, document(errorList));
    // RFC 8414 section 3.1 puts the issuer's path after the well-known part, OpenID Connect before it. Readers do both.
    for (const [path, metadata] of [
      [SERVER_METADATA_PATH, discovery.authorizationServer],
      [OPENID_METADATA_PATH, discovery.openIdConfiguration],
    ] as const) {
      routes.set(path + prefix, document(metadata));
      routes.set(prefix + path, document(metadata));
    }
  }
  return routes;
}

function form(endpoint: EndpointName, handler: RestHandler): RestRoute {
  return { allow: "POST", handlers: new Map([["POST", handler]]), endpoint };
}

const noAuthorization: RestRoute = {
  allow: "GET, HEAD",
  handlers: new Map([
    ["GET", refuseAuthorization],
    ["HEAD", refuseAuthorization],
  ]),
};

function document(current: () => Document): RestRoute {
  const handler = serveDocument(current);
  return {
    allow: "GET, HEAD, OPTIONS",
    handlers: new Map([
      ["GET", handler],
      ["HEAD", handler],
      ["OPTIONS", documentPreflight],
    ]),
  };
}
