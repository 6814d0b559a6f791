/** A request and an answer of the form endpoints and documents, whatever the HTTP version. Plain values. */
import type { IncomingHttpHeaders } from "node:http";
import type { Caller } from "../../oauth/request.js";
import type { EndpointName } from "../../telemetry/events.js";

/** A request, whole. */
export interface RestRequest {
  readonly method: string;
  /** As sent, without the query. */
  readonly path: string;
  /** What follows the `?`, or undefined. */
  readonly query: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** Undefined if it was longer than is read. */
  readonly body: Buffer | undefined;
  readonly caller: Caller;
}

/** An answer, whole. `Content-Length` is added when it is sent. */
export interface RestResponse {
  readonly status: number;
  /** Names and values in turn: the form that Node writes without a detour. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** Answers a request, also what it refuses. */
export type RestHandler = (request: RestRequest) => RestResponse | Promise<RestResponse>;

/** What is served at a path. */
export interface RestRoute {
  /** The value of `Allow`. */
  readonly allow: string;
  /** By method. */
  readonly handlers: ReadonlyMap<string, RestHandler>;
  /** The endpoint whose form is read, which overload may turn away. Absent for a document. */
  readonly endpoint?: EndpointName;
}

/** The routes by path. */
export type RestRoutes = ReadonlyMap<string, RestRoute>;
