/**
 * REST, composed. It owns the form endpoints and the documents. It must not know a rule of a grant, and nothing of RPC.
 */
import type { CallerFactory } from "../caller.js";
import type { Exchange } from "../exchange.js";
import type { Batch } from "../batch.js";
import type { UnderWay } from "../under-way.js";
import { randomUUID } from "node:crypto";
import { createDiscovery, type DiscoveryOptions } from "./discovery.js";
import { endpointUrl, ERRORS_PATH } from "../../oauth/paths.js";
import { createErrorList } from "./error-list.js";
import { errorResponse } from "./errors.js";
import { createFormEndpoints, type FormEndpointOptions } from "./form-endpoints.js";
import { createRestServer, type RestServer } from "./rest-server.js";
import { createRoutes } from "./routes.js";
import { invalidRequest } from "../../oauth/error.js";

export interface RestOptions extends DiscoveryOptions, Omit<FormEndpointOptions, "links"> {
  /** Further paths of the token endpoint. */
  readonly tokenPaths: readonly string[];
  readonly callerOf: CallerFactory;
  readonly underWay: UnderWay;
  readonly batch: Batch<Exchange>;
}

export function createRest(options: RestOptions): RestServer {
  const { issuer, tokenPaths, keyRing, assertionAlgorithms, scopesSupported } = options;
  const { tokenEndpoint, revocationEndpoint, introspectionEndpoint, admission, callerOf, underWay, batch } = options;
  const links = { errorsUri: endpointUrl(issuer, ERRORS_PATH) };
  const routes = createRoutes({
    endpoints: createFormEndpoints({ tokenEndpoint, revocationEndpoint, introspectionEndpoint, admission, links }),
    discovery: createDiscovery({ issuer, keyRing, assertionAlgorithms, scopesSupported }),
    errorList: createErrorList(),
    tokenPaths,
    issuer,
  });
  return createRestServer({ routes, links, admission, callerOf, underWay, batch });
}

const PHRASES = {
  400: ["Bad Request", "This is not a well-formed HTTP request."],
  408: ["Request Timeout", "The request took too long to arrive."],
  413: ["Payload Too Large", "The chunk extensions are too large."],
  417: ["Expectation Failed", "The only expectation that can be met is 100-continue."],
  431: ["Request Header Fields Too Large", "The header fields are larger than 32 KiB."],
} as const;

export type MalformedStatus = keyof typeof PHRASES;

/** The answer to bytes that are no HTTP request. It closes the connection. */
export function malformedAnswer(status: MalformedStatus, issuer: string): string {
  const [phrase, description] = PHRASES[status];
  const links = { errorsUri: endpointUrl(issuer, ERRORS_PATH) };
  const { headers, body } = errorResponse(
    invalidRequest("REQUEST_MALFORMED", description),
    randomUUID(),
    links,
    status,
  );
  const lines = [`HTTP/1.1 ${status} ${phrase}`, "Connection: close", `Content-Length: ${body.length}`];
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
