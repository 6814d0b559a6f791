/** Carries requests and answers between Node's two HTTP servers and the handlers. It knows no endpoint. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import { invalidRequest } from "../../oauth/error.js";
import { TOKEN_PATH } from "../../oauth/paths.js";
import type { Caller } from "../../oauth/request.js";
import { type Body, lingerThen, lingerThenReset, readBody } from "../body.js";
import type { CallerFactory } from "../caller.js";
import type { Exchange } from "../exchange.js";
import { type Admission, overload } from "../admission.js";
import { MAX_MESSAGE_BYTES } from "../limits.js";
import type { Batch } from "../batch.js";
import type { UnderWay } from "../under-way.js";
import { errorResponse, type ErrorLinks } from "./errors.js";
import type { RestResponse, RestRoute, RestRoutes, Target } from "./rest-message.js";

export interface RestServerOptions {
  readonly routes: RestRoutes;
  readonly callerOf: CallerFactory;
  readonly links: ErrorLinks;
  readonly admission: Admission;
  readonly underWay: UnderWay;
  readonly batch: Batch<Exchange>;
}

/** Refuses a path that has no route. */
export interface RestServer {
  has(path: string): boolean;
  serveHttp1(target: Target, request: IncomingMessage, response: ServerResponse, exchange: Exchange): void;
  /** Refuses a malformed request and closes its connection. */
  refuseHttp1(request: IncomingMessage, response: ServerResponse, exchange: Exchange): void;
  serveHttp2(target: Target, stream: ServerHttp2Stream, exchange: Exchange): void;
}

const NO_BODY = Buffer.alloc(0);

export function createRestServer(options: RestServerOptions): RestServer {
  const { routes, callerOf, links, admission, underWay, batch } = options;
  const limits = { maxBytes: MAX_MESSAGE_BYTES, underWay, admits: () => admission.admits() };

  function serve(
    { path, query }: Target,
    method: string,
    exchange: Exchange,
    source: Readable,
    reply: (answer: RestResponse) => void,
  ): void {
    const caller = callerOf(exchange, "form");
    exchange.requestId = caller.requestId;
    const route = routes.get(path);
    if (route === undefined) return reply(errorResponse(unknownPath(), caller.requestId, links, 404));
    const handler = route.handlers.get(method);
    if (handler === undefined) return reply(wrongMethod(route, caller, links));
    const { endpoint } = route;
    const { headers, rawHeaders } = exchange;
    const answer = async (body: Buffer | undefined) =>
      handler({ method, path, query, headers, rawHeaders, body, caller });
    if (endpoint === undefined) {
      underWay.arrived(exchange);
      batch.add(exchange, () => answer(NO_BODY), reply);
      return;
    }
    const answerForm = async (body: Body) => {
      if (body !== "no_room") return answer(body === "too_large" ? undefined : body);
      return errorResponse(admission.refuse(endpoint, caller, overload()), caller.requestId, links);
    };
    readBody(source, exchange, limits, (body) => batch.add(exchange, () => answerForm(body), reply));
  }

  return {
    has: (path) => routes.has(path),

    serveHttp1(target, request, response, exchange) {
      serve(target, request.method ?? "", exchange, request, (answer) => writeHttp1(request, response, answer));
    },

    refuseHttp1(request, response, exchange) {
      const { requestId } = callerOf(exchange, "form");
      exchange.requestId = requestId;
      response.shouldKeepAlive = false;
      const refusal = invalidRequest("REQUEST_MALFORMED", "This is not a well-formed HTTP request.");
      writeHttp1(request, response, errorResponse(refusal, requestId, links));
    },

    serveHttp2(target, stream, exchange) {
      const method = String(exchange.headers[":method"]);
      serve(target, method, exchange, stream, (answer) => writeHttp2(stream, method, answer));
    },
  };
}

function writeHttp1(request: IncomingMessage, response: ServerResponse, { status, headers, body }: RestResponse): void {
  if (response.destroyed) return;
  const sized = headers.slice(); // `concat` is slow for strings
  if (hasBody(status)) sized.push("Content-Length", String(Buffer.byteLength(body)));
  if (request.complete || isSmall(request.headers)) {
    response.writeHead(status, sized);
    response.end(body);
    return;
  }
  response.shouldKeepAlive = false;
  response.writeHead(status, sized);
  response.write(body);
  lingerThen(request, () => response.end());
}

function writeHttp2(stream: ServerHttp2Stream, method: string, { status, headers, body }: RestResponse): void {
  if (stream.destroyed || stream.closed) return;
  const fields: Record<string, string | number> = { ":status": status };
  for (let at = 0; at < headers.length; at += 2) fields[String(headers[at]).toLowerCase()] = String(headers[at + 1]);
  if (hasBody(status)) fields["content-length"] = Buffer.byteLength(body);
  if (method === "HEAD" || body === "") stream.respond(fields, { endStream: true });
  else {
    stream.respond(fields);
    stream.end(body);
  }
  lingerThenReset(stream);
}

/** Whether Node may read the rest of the body by itself: Node has no limit of its own. */
function isSmall(headers: IncomingHttpHeaders): boolean {
  return headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) <= MAX_MESSAGE_BYTES;
}

function hasBody(status: number): boolean {
  return status !== 204 && status !== 304;
}

function unknownPath() {
  return invalidRequest("REQUEST_MALFORMED", `Nothing is served at this path. Tokens are at POST ${TOKEN_PATH}.`);
}

function wrongMethod(route: RestRoute, caller: Caller, links: ErrorLinks): RestResponse {
  const refusal = invalidRequest("REQUEST_MALFORMED", `This method is not allowed here. Allowed: ${route.allow}.`);
  const answer = errorResponse(refusal, caller.requestId, links, 405);
  return { ...answer, headers: [...answer.headers, "Allow", route.allow] };
}
