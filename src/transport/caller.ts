/**
 * What both transports need to know of a request before they read it: who called, and with which credentials in the
 * header. Made once for each request.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { RandomId } from "../crypto/random-id.js";
import { invalidRequest } from "../oauth/error.js";
import type { Caller, Transport } from "../oauth/request.js";
import { parseTraceParent } from "../telemetry/traceparent.js";
import type { AddressResolver } from "./peer-address.js";
import { isRepeated } from "./request-line.js";

/** A request as it arrived, whatever its HTTP version. */
export interface Arrival {
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they were sent. */
  readonly rawHeaders: readonly string[];
  readonly peerAddress: string | undefined;
}

/** Makes the caller of a request. */
export type CallerFactory = (arrival: Arrival, transport: Transport) => Caller;

/** A request id is taken over if it cannot harm a log or a header. */
const SAFE_REQUEST_ID = /^[A-Za-z0-9._~:=/+-]{1,64}$/;

/** The id that the request brought, if it is one. */
export function sentRequestId(headers: IncomingHttpHeaders): string | undefined {
  const sent = text(headers["x-request-id"]);
  return sent !== undefined && SAFE_REQUEST_ID.test(sent) ? sent : undefined;
}

/** Makes the factory. `randomId` names requests that bring no usable id. */
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
 * The `Authorization` header, or undefined if there is none or it is empty. Throws `invalid_request` if there is more
 * than one (RFC 9110 section 5.3): the two readers of an ambiguous request could choose differently.
 */
export function authorizationOf({ headers, rawHeaders }: Pick<Arrival, "headers" | "rawHeaders">): string | undefined {
  const value = headers.authorization;
  if (value === undefined || value === "") return undefined;
  if (isRepeated(rawHeaders, "authorization"))
    throw invalidRequest("CREDENTIALS_AMBIGUOUS", "The Authorization header was sent more than once.");
  return value;
}

/** A header that was sent once, as one string. */
export function text(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.join(",");
}
