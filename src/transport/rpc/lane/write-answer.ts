import type { ServerHttp2Stream } from "node:http2";
import type { ServerResponse } from "node:http";
import { lingerThen, lingerThenReset } from "../../body.js";
import type { Answer } from "./answers.js";

const HEADERS_ONLY = { endStream: true };
const WITH_TRAILERS = { waitForTrailers: true };

/** Answers over HTTP/2, trailers and all. */
export function writeStream(stream: ServerHttp2Stream, { status, headers, body, trailers }: Answer): void {
  if (stream.destroyed || stream.closed) return;
  const fields = [":status", String(status), ...headers];
  if (body === undefined) stream.respond(fields, HEADERS_ONLY);
  else {
    // `on` for what happens once: `once` costs two objects more
    if (trailers !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.respond(fields, trailers === undefined ? undefined : WITH_TRAILERS);
    stream.end(body);
  }
  lingerThenReset(stream);
}

/** Answers over HTTP/1.1. Closes the connection if the request has not been read to its end. */
export function writeResponse(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) return;
  const request = response.req;
  const fields = headers.slice(); // Node's types want a list of its own
  if (request.complete) {
    response.writeHead(status, fields).end(body);
    return;
  }
  response.shouldKeepAlive = false;
  response.writeHead(status, fields).write(body ?? "");
  lingerThen(request, () => response.end());
}
