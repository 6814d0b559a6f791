/**
 * The guard at every entry of the ports. An error of a request, a connection or a timer is reported once and ends
 * nothing else. A caller that makes its own request fail must not end the process for all.
 */
import { randomUUID } from "node:crypto";
import { constants } from "node:http2";
import type { FaultPlace } from "../oauth/log.js";
import { sentRequestId } from "./caller.js";
import type { Exchange } from "./exchange.js";

/** Gets unexpected errors. `requestId` is undefined for an error outside any request. */
export type FaultListener = (place: FaultPlace, error: unknown, requestId?: string) => void;

/** The same function, except that its errors go to `onFault`. */
export function guarded<Args extends readonly unknown[]>(
  work: (...args: Args) => void,
  onFault: (error: unknown, ...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    try {
      work(...args);
    } catch (error) {
      onFault(error, ...args);
    }
  };
}

const STATUS = 500;
const BODY = '{"error":"server_error","error_description":"The server failed. Its log explains this request id."}';

/**
 * Reports a request that failed, and answers it with `server_error`. gRPC gets a reset, which its clients read as
 * INTERNAL. An answer that has begun is cut.
 */
export function abandon(exchange: Exchange, place: FaultPlace, error: unknown, onFault: FaultListener): void {
  const requestId = exchange.requestId ?? sentRequestId(exchange.headers) ?? randomUUID();
  onFault(place, error, requestId);
  try {
    answerFailure(exchange, requestId);
  } catch (second) {
    onFault(place, second, requestId);
    exchange.target.destroy();
  }
}

function answerFailure({ target, headers }: Exchange, requestId: string): void {
  if (target.destroyed) return;
  const fields = { "content-type": "application/json", "cache-control": "no-store", "x-request-id": requestId };
  if ("writeHead" in target) {
    if (target.headersSent) return void target.destroy();
    target.shouldKeepAlive = false;
    target.writeHead(STATUS, { ...fields, "content-length": BODY.length }).end(BODY);
  } else if (target.headersSent || headers["content-type"]?.startsWith("application/grpc") === true) {
    target.close(constants.NGHTTP2_INTERNAL_ERROR);
  } else if (!target.closed) {
    target.respond({ ":status": STATUS, ...fields });
    target.end(BODY);
  }
}
