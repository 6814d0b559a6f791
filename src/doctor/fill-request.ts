/** Makes a recorded request sendable: values for its names, encoded as the client encodes them. */
import type { Client, ClientRequest, Encoding } from "./kit.js";

/** What goes over the wire. */
export interface WireRequest {
  readonly method: "POST" | "GET";
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** Values by name. `undefined` for `id` or `scope`: the parameter is left out, as the client would. */
export type Values = Readonly<Record<string, string | undefined>>;

/** The request with values. Throws for a name that has none. */
export function fillRequest(client: Client, name: string, values: Values): WireRequest {
  const request = client.requests.find((one) => one.name === name);
  if (request === undefined) throw new Error(`${client.id} has no request ${name}`);
  return {
    method: "POST",
    headers: request.headers.map(([header, value]) => [header, fillHeader(value, values)]),
    body: fillBody(request, client.encoding, values),
  };
}

function fillBody(request: ClientRequest, encoding: Encoding, values: Values): string {
  const substitute = (text: string): string =>
    text.replaceAll(/\{(\w+)\}/g, (_, key: string) => encode(valueOf(values, key), encoding));
  if (encoding === "json") return substitute(request.body);
  const parameters = request.body.split("&").filter((parameter) => !isAbsent(parameter, values));
  return parameters.map(substitute).join("&");
}

function isAbsent(parameter: string, values: Values): boolean {
  const [, key = ""] = /=\{(\w+)\}$/.exec(parameter) ?? [];
  return (key === "id" || key === "scope") && values[key] === undefined;
}

function fillHeader(value: string, values: Values): string {
  const without = values["id"] === undefined ? value.replace(/form\(\{id\}\):|\{id\}:/, "") : value;
  const filled = without
    .replaceAll(/form\(\{(\w+)\}\)/g, (_, key: string) =>
      formEncode(valueOf(values, key), { space: "+", kept: "*-._" }),
    )
    .replaceAll(/\{(\w+)\}/g, (_, key: string) => valueOf(values, key));
  return filled.replace(/base64\((.*)\)$/s, (_, plain: string) => Buffer.from(plain, "utf8").toString("base64"));
}

function valueOf(values: Values, key: string): string {
  const value = values[key];
  if (value === undefined) throw new Error(`no value for {${key}}`);
  return value;
}

function encode(value: string, encoding: Encoding): string {
  if (encoding === "raw") return value;
  if (encoding === "json") return JSON.stringify(value).slice(1, -1);
  return formEncode(value, encoding);
}

function formEncode(value: string, { space, kept }: Exclude<Encoding, string>): string {
  return [...new TextEncoder().encode(value)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (char === " ") return space;
      return /[A-Za-z0-9]/.test(char) || kept.includes(char)
        ? char
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}
