/** What a client asked, in lines for a person: which client it seems to be, and nothing secret. */
import { clean } from "./clean.js";
import type { Client, ClientMark, Kit } from "./kit.js";
import { readObject } from "./oauth-answer.js";

/** A request as it came. */
export interface HeardRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** Parameters whose values are shown; all others may be secrets. */
const SHOWN = new Set([
  "grant_type",
  "client_id",
  "scope",
  "audience",
  "resource",
  "requested_token_type",
  "subject_token_type",
  "actor_token_type",
  "client_assertion_type",
]);
/** Headers that tell clients apart. */
const TELLING = [
  "user-agent",
  "x-client-version",
  "content-type",
  "accept",
  "cache-control",
  "x-iceberg-access-delegation",
];
const MOST_PARAMETERS = 64;

/** The client whose mark fits, the one with the most of it first. */
export function recogniseClient(kit: Kit, request: HeardRequest): Client | undefined {
  return kit.clients
    .filter(({ recognise }) => fits(recognise, request))
    .toSorted((a, b) => Object.keys(b.recognise).length - Object.keys(a.recognise).length)[0];
}

function fits({ header, value = "", contentType = "", body = "" }: ClientMark, request: HeardRequest): boolean {
  const { headers } = request;
  const marked = header === undefined ? "" : headers[header];
  return (
    marked !== undefined &&
    new RegExp(value).test(marked) &&
    new RegExp(contentType).test(headers["content-type"] ?? "") &&
    new RegExp(body).test(request.body)
  );
}

/** One line for each thing that was sent. */
export function describeRequest(request: HeardRequest): readonly string[] {
  const { method, target, headers, body } = request;
  const [path = "", query] = target.split("?");
  return [
    `${clean(method)} ${clean(path)}`,
    ...(query === undefined ? [] : describeQuery(query)),
    ...TELLING.flatMap((name) => (headers[name] === undefined ? [] : [`  ${name}: ${clean(headers[name])}`])),
    ...describeAuthorization(headers["authorization"]),
    ...describeBody(body, headers["content-type"] ?? ""),
  ];
}

function describeQuery(query: string): readonly string[] {
  const lines = [...new URLSearchParams(query)].slice(0, MOST_PARAMETERS).map(describeParameter);
  const leaks = /(^|&)client_secret=/.test(query);
  const advice =
    "  A SECRET STANDS IN THE URL, and so in every log. ClickHouse: set oauth_server_use_request_body = 1.";
  return leaks ? [...lines, advice] : lines;
}

function describeAuthorization(value: string | undefined): readonly string[] {
  if (value === undefined) return [];
  const [scheme = "", content = ""] = value.split(" ");
  if (scheme.toLowerCase() !== "basic") return [`  authorization: ${clean(scheme)} ${hidden(content)}`];
  const plain = Buffer.from(content, "base64").toString("utf8");
  const colon = plain.indexOf(":");
  if (colon < 0) return [`  authorization: Basic ${hidden(plain)}, without a colon: a secret alone`];
  return [`  authorization: Basic ${clean(plain.slice(0, colon))}:${hidden(plain.slice(colon + 1))}`];
}

function describeBody(body: string, contentType: string): readonly string[] {
  if (body === "") return [];
  if (/^application\/json/i.test(contentType)) {
    const members = Object.entries(readObject(body) ?? {});
    return members.slice(0, MOST_PARAMETERS).map(([name, value]) => describeParameter([name, String(value)]));
  }
  return [...new URLSearchParams(body)].slice(0, MOST_PARAMETERS).map(describeParameter);
}

function describeParameter([name, value]: readonly [string, string]): string {
  return `  ${clean(name, 60)} = ${SHOWN.has(name) ? clean(value) : hidden(value)}`;
}

function hidden(value: string): string {
  return `[redacted, ${value.length} characters]`;
}
