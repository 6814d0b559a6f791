import http2, { type ServerHttp2Stream } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import { lingerThen } from "../body.js";
import type { Answer } from "./answers.js";

/** Answers over HTTP/2, trailers and all. */
export function writeStream(stream: ServerHttp2Stream, { status, headers, body, trailers }: Answer): void {
  if (stream.destroyed || stream.closed) return;
  if (body === undefined) {
    stream.respond({ ":status": status, ...headers, ...trailers }, { endStream: true });
  } else {
    if (trailers !== undefined) stream.once("wantTrailers", () => stream.sendTrailers(trailers));
    stream.respond({ ":status": status, ...headers }, trailers === undefined ? undefined : WAIT_FOR_TRAILERS);
    stream.end(body);
  }
  // Not before what was written has left: a reset overtakes headers that still wait.
  if (!stream.readableEnded) {
    stream.once("finish", () => setImmediate(() => stream.close(http2.constants.NGHTTP2_NO_ERROR)));
  }
}

const WAIT_FOR_TRAILERS = { waitForTrailers: true };

/** Answers over HTTP/1.1. Closes the connection if the request has not been read to its end. */
export function writeResponse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Answer,
): void {
  if (response.destroyed) return;
  if (request.complete) {
    response.writeHead(status, headers).end(body);
    return;
  }
  response.shouldKeepAlive = false;
  response.writeHead(status, headers).write(body ?? "");
  lingerThen(request, () => response.end());
}
