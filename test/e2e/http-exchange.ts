/** One HTTP/1.1 request with exactly the given header fields, in their order and spelling, and its whole answer. */
import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { buffer } from "node:stream/consumers";

/** What is sent. `Host` and `Content-Length` are added. */
export interface RawRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** From the first byte sent to the last received, in milliseconds. */
  readonly tookMs: number;
}

/** Sends it on a connection of its own. Never follows a redirect. */
export async function send(origin: string, { method, path, headers, body }: RawRequest): Promise<RawAnswer> {
  const began = performance.now();
  const bytes = Buffer.from(body, "utf8");
  const fields = [...headers.flat(), "Host", new URL(origin).host, "Content-Length", String(bytes.length)];
  const sent = request(`${origin}${path}`, { method, headers: fields, agent: false });
  sent.end(bytes);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const content = await buffer(response);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: content.toString("utf8"),
    tookMs: performance.now() - began,
  };
}

/** A form posted to the token endpoint. */
export function postForm(
  origin: string,
  form: Readonly<Record<string, string>> | string,
  headers: readonly (readonly [string, string])[] = [],
): Promise<RawAnswer> {
  return send(origin, {
    method: "POST",
    path: "/v1/oauth/tokens",
    headers: [["Content-Type", "application/x-www-form-urlencoded"], ...headers],
    body: typeof form === "string" ? form : new URLSearchParams(form).toString(),
  });
}
