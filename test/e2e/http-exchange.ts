/** One HTTP/1.1 request with exactly the given header fields, in their order and spelling, and its whole answer. */
import { type IncomingHttpHeaders, request } from "node:http";
import { buffer } from "node:stream/consumers";

/** What is sent. `Host` and `Content-Length` are added. */
export interface RawRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** What came back. */
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
  return await new Promise((resolve, reject) => {
    sent.once("error", reject).once("response", (response) => {
      buffer(response).then((content) => {
        const { statusCode: status = 0, headers: received } = response;
        resolve({ status, headers: received, body: content.toString("utf8"), tookMs: performance.now() - began });
      }, reject);
    });
  });
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
