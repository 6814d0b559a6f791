/** A request and an answer of the form endpoints and documents, as plain values in any HTTP version. */
import type { IncomingHttpHeaders } from "node:http";
import type { Caller } from "../../oauth/request.js";
import type { EndpointName } from "../../telemetry/events.js";

/** The target of a request (RFC 9112 section 3.2), in two. */
export interface Target {
  /** As sent, without the query. */
  readonly path: string;
  /** What follows the `?`, or undefined. */
  readonly query: string | undefined;
}

export interface RestRequest extends Target {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** Undefined if it was too large. */
  readonly body: Buffer | undefined;
  readonly caller: Caller;
}

/** `Content-Length` is added when the answer is sent. */
export interface RestResponse {
  readonly status: number;
  /** Names and values alternate. Node writes this form directly. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** Answers every request and never throws a refusal. */
export type RestHandler = (request: RestRequest) => RestResponse | Promise<RestResponse>;

export interface RestRoute {
  /** The value of `Allow`. */
  readonly allow: string;
  readonly handlers: ReadonlyMap<string, RestHandler>;
  /** The endpoint that reads a form. Overload may refuse it. Undefined for a document, which is always served. */
  readonly endpoint?: EndpointName;
}

export type RestRoutes = ReadonlyMap<string, RestRoute>;
