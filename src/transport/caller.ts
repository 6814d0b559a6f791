/**
 * Reads from the header fields who calls: request id, address, trace and the `Authorization` field. Both transports do
 * it once, before they read the request. It checks no credentials.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { RandomId } from "../crypto/random-id.js";
import { invalidRequest } from "../oauth/error.js";
import type { Caller, Transport } from "../oauth/request.js";
import { parseTraceParent } from "../telemetry/traceparent.js";
import type { AddressResolver } from "./peer-address.js";

/** A request as it arrived, in any HTTP version. */
export interface Arrival {
  readonly headers: IncomingHttpHeaders;
  /** Names and values alternate, as they were sent. */
  readonly rawHeaders: readonly string[];
  readonly peerAddress: string | undefined;
}

export type CallerFactory = (arrival: Arrival, transport: Transport) => Caller;

/** These cannot harm a log or a header. */
const SAFE_REQUEST_ID = /^[A-Za-z0-9._~:=/+-]{1,64}$/;

/** The id that the request brought, if it is safe. */
export function sentRequestId(headers: IncomingHttpHeaders): string | undefined {
  const sent = text(headers["x-request-id"]);
  return sent !== undefined && SAFE_REQUEST_ID.test(sent) ? sent : undefined;
}

/** `randomId` names requests that bring no usable id. */
export function createCallerFactory(randomId: RandomId, resolveAddress: AddressResolver): CallerFactory {
  return ({ headers, peerAddress }, transport) => {
    const trace = headers["traceparent"] === undefined ? undefined : parseTraceParent(text(headers["traceparent"]));
    return {
      requestId: sentRequestId(headers) ?? randomId(),
      transport,
      address: resolveAddress(peerAddress, text(headers["x-forwarded-for"])),
      traceId: trace?.traceId,
      parentSpanId: trace?.parentSpanId,
      traceSampled: trace?.traceSampled,
    };
  };
}

/**
 * The `Authorization` header, or undefined if it is absent or empty. Throws `invalid_request` if there is more than one
 * (RFC 9110 section 5.3): a proxy and this server could choose differently.
 */
export function authorizationOf({ headers, rawHeaders }: Pick<Arrival, "headers" | "rawHeaders">): string | undefined {
  const value = headers.authorization;
  if (value === undefined || value === "") return undefined;
  if (isRepeated(rawHeaders, "authorization"))
    throw invalidRequest("CREDENTIALS_AMBIGUOUS", "The Authorization header was sent more than once.");
  return value;
}

/** Joins a repeated header as RFC 9110 section 5.3 says. */
export function text(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.join(",");
}

/**
 * Whether a header was sent more than once. `rawHeaders` alternates names and values, as they were sent. Node's own
 * object silently keeps the first of two.
 */
export function isRepeated(rawHeaders: readonly string[], lowerCaseName: string): boolean {
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) seen += 1;
  }
  return seen > 1;
}
