/** `/verify`, which nginx, Traefik, Caddy and HAProxy ask about a request before they forward it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AccessToken } from "../../oauth/access-token.js";
import { SECOND } from "../../time/clock.js";
import { identityHeaders, isAlias } from "./identity-headers.js";
import type { Judge, Verdict } from "./judge.js";
import { ALIAS_REFUSAL, type Refusal, refusalBody } from "./refusal.js";

export interface ForwardAuthOptions {
  readonly judge: Judge;
  /** The one header field that the path is read from. Callers can set all others. Undefined where there are no rules. */
  readonly pathHeader: string | undefined;
  readonly onVerdict: (verdict: Verdict) => void;
}

const VERIFY_PATH = "/verify";
const MAX_HEADER_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 1000;
/** Longer than proxies keep idle connections (Go's 90 s): a proxy that reuses one never meets its end. */
const KEEP_ALIVE_MS = 120 * SECOND;
const REQUEST_TIMEOUT_MS = 30 * SECOND;

/** The server does not listen yet. */
export function createForwardAuth(options: ForwardAuthOptions): Server {
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      // Without an answer the proxy does not forward.
      serve(options, () => server.listening, request, response).catch(() => response.destroy());
    },
  );
  // By default Node drops the fields after the 2000th: a second Authorization field could hide there.
  server.maxHeadersCount = 0;
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function misuseOf({ method, url = "" }: IncomingMessage): 404 | 405 | undefined {
  if (url !== VERIFY_PATH && !url.startsWith(`${VERIFY_PATH}?`)) return 404;
  return method === "GET" || method === "HEAD" ? undefined : 405;
}

async function serve(
  options: ForwardAuthOptions,
  isListening: () => boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader("cache-control", "no-store");
  const misuse = misuseOf(request);
  if (misuse !== undefined) return void response.writeHead(misuse, { allow: "GET, HEAD" }).end();
  const verdict = await judged(options, request);
  options.onVerdict(verdict);
  // Once it listens no more, a connection that is kept would keep the server from its end.
  if (!isListening()) response.setHeader("connection", "close");
  if (verdict.allowed) allow(response, verdict.token);
  else refuse(response, verdict.refusal);
}

async function judged({ judge, pathHeader }: ForwardAuthOptions, request: IncomingMessage): Promise<Verdict> {
  const fields = request.headersDistinct;
  // Here an answer cannot take a field away from the request.
  if (Object.keys(fields).some(isAlias)) return { allowed: false, refusal: ALIAS_REFUSAL };
  const [target, ...more] = (pathHeader !== undefined && fields[pathHeader.toLowerCase()]) || [];
  return judge({
    authorization: fields["authorization"] ?? [],
    target: more.length === 0 ? target : undefined,
  });
}

function allow(response: ServerResponse, token: AccessToken): void {
  for (const [name, value] of identityHeaders(token)) response.setHeader(name, value);
  response.end();
}

function refuse(response: ServerResponse, refusal: Refusal): void {
  response.statusCode = refusal.status;
  response.setHeader("content-type", "application/json");
  for (const [name, value] of refusal.headers) response.setHeader(name, value);
  response.end(refusalBody(refusal));
}
