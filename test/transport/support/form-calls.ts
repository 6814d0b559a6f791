/** A form to any address: byte by byte, by fetch, and by Node's own client. */
import { type Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";

/** The parameters, or header fields. */
export type Form = Readonly<Record<string, string>>;
/** A body that was read. */
export type Json = Readonly<Record<string, unknown>>;

/** A request of the token endpoint as it is on the wire. */
export function formBytes(form: Form, headers = ""): string {
  const body = new URLSearchParams(form).toString();
  const type = "Content-Type: application/x-www-form-urlencoded";
  return `POST /v1/oauth/tokens HTTP/1.1\r\nHost: x\r\n${headers}${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** By fetch; an empty body is read as no members. */
export async function post(
  url: string,
  form: Form,
  headers: Form = {},
): Promise<{ status: number; headers: Headers; body: Json }> {
  const response = await fetch(url, { method: "POST", body: new URLSearchParams(form), headers });
  const sent = await response.text();
  return { status: response.status, headers: response.headers, body: (sent === "" ? {} : JSON.parse(sent)) as Json };
}

/** Through Node's own client, which can choose the address that it comes from. */
export async function ask(
  url: string,
  { form, ...options }: { form?: Form; agent?: Agent; headers?: Form; localAddress?: string },
) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const type = { "content-type": "application/x-www-form-urlencoded" };
  const sent = request(url, {
    ...options,
    method: form ? "POST" : "GET",
    headers: { ...(form && type), ...options.headers },
  });
  sent.on("response", resolve).on("error", reject);
  sent.end(form && new URLSearchParams(form).toString());
  const answer = await promise;
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer), reused: sent.reusedSocket };
}
