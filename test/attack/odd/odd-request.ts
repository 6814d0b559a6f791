/** One odd request as data: its bytes, and the answers that it may get. */
import { Buffer } from "node:buffer";
import type { RawSending } from "../../support/raw-http.js";
import { freshAddress, secretOf } from "../world.js";

export interface OddRequest {
  readonly name: string;
  readonly sending: RawSending;
  /** The status of the last answer; `none` if the connection may end without one. */
  readonly status: readonly (number | "none")[];
  /** The OAuth error; undefined if there is none, or if the answer is not an OAuth endpoint's. */
  readonly error?: string | undefined;
  /** How many answers may come: one, unless the request holds more. */
  readonly answers?: number;
  /** Whether the answer must carry the headers of the token endpoint. */
  readonly oauth: boolean;
}

/** What makes a request: everything that is not given is as an honest client sends it. */
export interface Parts {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  /** Whole lines; a name that is given here replaces the default. */
  readonly headers?: readonly string[];
  /** Default header fields to leave out, in lower case. */
  readonly without?: readonly string[];
  readonly body?: string | Buffer;
}

/** The form of an honest client. */
export const GOOD = `grant_type=client_credentials&client_id=spark&client_secret=${secretOf("spark")}`;
/** The same without credentials, and as Basic header. */
export const GRANT = "grant_type=client_credentials";
export const BASIC = `Authorization: Basic ${base64(`spark:${secretOf("spark")}`)}`;
export const FORM = "application/x-www-form-urlencoded";

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** The bytes of a request, on a connection that is to be closed after it. */
export function bytes(parts: Parts = {}): Buffer {
  const { method = "POST", target = "/v1/oauth/tokens", version = "HTTP/1.1", headers = [], without = [] } = parts;
  const body = Buffer.from(parts.body ?? GOOD);
  const given = new Set([...without, ...headers.map((line) => line.split(":", 1)[0]?.trim().toLowerCase())]);
  const defaults = [
    "Host: tokens.example.com",
    `X-Forwarded-For: ${freshAddress()}`,
    `Content-Type: ${FORM}`,
    `Content-Length: ${body.length}`,
    "Connection: close",
  ].filter((line) => !given.has(line.split(":", 1)[0]?.toLowerCase()));
  const head = [`${method} ${target} ${version}`, ...defaults, ...headers].join("\r\n");
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, "latin1"), body]);
}

/** A request to an OAuth endpoint that gets an OAuth error. */
export function refused(name: string, status: number | readonly number[], error: string, parts: Parts): OddRequest {
  return { name, sending: { pieces: [bytes(parts)] }, status: [status].flat(), error, oauth: true };
}

/** A malformed request, as most of them are: 400 `invalid_request`. */
export function malformed(name: string, parts: Parts): OddRequest {
  return refused(name, 400, "invalid_request", parts);
}

/** A form that gets 400 `invalid_request`. */
export function malformedForm(name: string, body: string | Buffer): OddRequest {
  return malformed(name, { body });
}

/** An odd request that is right all the same. */
export function accepted(name: string, parts: Parts): OddRequest {
  return { name, sending: { pieces: [bytes(parts)] }, status: [200], oauth: true };
}

/** Bytes that are no HTTP request: 400, and the end of the connection. */
export function unparsable(
  name: string,
  piece: Buffer | string,
  status: readonly (number | "none")[] = [400],
): OddRequest {
  return { name, sending: { pieces: [piece] }, status, error: "invalid_request", oauth: true };
}

/** A request to what is no OAuth endpoint, and any other exception. */
export function answered(name: string, status: number | readonly number[], parts: Parts): OddRequest {
  return { name, sending: { pieces: [bytes(parts)] }, status: [status].flat(), oauth: false };
}
