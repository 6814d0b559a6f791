/** Whether an answer with a token is one that every client reads as it is meant. */
import type { Answer } from "./exchange.js";
import { readClaims, readObject } from "./oauth-answer.js";

const TOKEN_TYPES = ["access_token", "refresh_token", "id_token", "saml1", "saml2", "jwt"];
const LONGEST_TOKEN = 8 * 1024;
const SHORT_SECONDS = 60;
/** grpc-go asks again when 300 s are left. */
const GRPC_SECONDS = 300;
/** `exp` is a whole second, and answers take time. */
const SLACK_SECONDS = 10;

/** Where faults are noted. */
interface Seen {
  add(id: string, evidence: string): void;
}

type Members = Readonly<Record<string, unknown>>;

/** Adds what is wrong. `isExchange`: RFC 8693 asks for more. `now` in milliseconds. */
export function judgeToken(answer: Answer, isExchange: boolean, now: number, seen: Seen): void {
  judgeHttp(answer, seen);
  const members = readObject(answer.body);
  if (members === undefined) {
    if (!answer.tooBig) seen.add("ANSWER_NOT_JSON", `${answer.status} ${answer.body}`);
    return;
  }
  judgeAccessToken(members, seen);
  judgeTokenType(members, seen);
  judgeLifetime(answer.body, members, isExchange, seen);
  judgeExp(members, now, seen);
  judgeRest(members, isExchange, seen);
}

function judgeHttp({ status, headers, tooBig }: Answer, seen: Seen): void {
  if (status !== 200) seen.add("STATUS_NOT_200", `status ${status}`);
  if (tooBig) seen.add("ANSWER_TOO_BIG", "over 256 KiB");
  const type = headers["content-type"] ?? "";
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type)) seen.add("CONTENT_TYPE_NOT_JSON", `Content-Type: ${type}`);
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") seen.add("ANSWER_COMPRESSED", `Content-Encoding: ${encoding}`);
  const cache = headers["cache-control"] ?? "";
  if (/\bno-store\b/i.test(cache)) return;
  const isStored = /\bpublic\b|\bmax-age=(?!0\b)|\bs-maxage=(?!0\b)/i.test(cache);
  seen.add(isStored ? "ANSWER_CACHEABLE" : "NO_STORE_MISSING", `Cache-Control: ${cache}`);
}

function judgeAccessToken({ access_token: token }: Members, seen: Seen): void {
  if (typeof token !== "string" || token === "") {
    seen.add("ACCESS_TOKEN_MISSING", `access_token is ${token === "" ? "empty" : kindOf(token)}`);
    return;
  }
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) seen.add("ACCESS_TOKEN_MALFORMED", "not the characters of RFC 6750");
  if (token.length > LONGEST_TOKEN) seen.add("ACCESS_TOKEN_TOO_LONG", `${token.length} characters`);
}

function judgeTokenType({ token_type: type }: Members, seen: Seen): void {
  if (typeof type !== "string" || type === "") seen.add("TOKEN_TYPE_MISSING", `token_type is ${kindOf(type)}`);
  else if (type.toLowerCase() !== "bearer" && type !== "N_A") seen.add("TOKEN_TYPE_UNKNOWN", `token_type is ${type}`);
  else if (type !== "bearer" && type !== "N_A") seen.add("TOKEN_TYPE_CASE", `token_type is ${type}`);
}

function judgeLifetime(body: string, members: Members, isExchange: boolean, seen: Seen): void {
  const expiresIn = members["expires_in"];
  const spelled = `"expires_in": ${/"expires_in"\s*:\s*([^,}\s]+)/.exec(body)?.[1] ?? "absent"}`;
  if (expiresIn === undefined || expiresIn === null) {
    seen.add(isExchange ? "REFRESH_EXPIRES_IN_MISSING" : "EXPIRES_IN_MISSING", spelled);
    return;
  }
  if (typeof expiresIn === "string") seen.add("EXPIRES_IN_STRING", spelled);
  // 3600.0 is an integer to JavaScript, and to no typed client.
  else if (typeof expiresIn !== "number" || /[.eE]/.test(spelled.slice('"expires_in"'.length)))
    seen.add("EXPIRES_IN_FRACTION", spelled);
  const seconds = Number(expiresIn);
  if (seconds <= 0) seen.add("EXPIRES_IN_ZERO", spelled);
  else if (seconds >= 2 ** 31) seen.add("EXPIRES_IN_HUGE", spelled);
  else if (seconds <= SHORT_SECONDS) seen.add("TOKEN_LIFE_SHORT", spelled);
  else if (seconds <= GRPC_SECONDS) seen.add("TOKEN_LIFE_UNDER_300", spelled);
}

function judgeExp(members: Members, now: number, seen: Seen): void {
  const token = members["access_token"];
  const exp = typeof token === "string" ? readClaims(token)?.["exp"] : undefined;
  if (typeof exp !== "number") return;
  const left = exp - now / 1000;
  if (left <= 0) seen.add("TOKEN_EXPIRED_ON_ARRIVAL", `exp is ${Math.round(-left)} s ago`);
  const expiresIn = Number(members["expires_in"] ?? Number.NaN);
  if (left > 0 && expiresIn > 0 && Math.abs(left - expiresIn) > SLACK_SECONDS) {
    seen.add("EXP_DISAGREES", `exp is ${Math.round(left)} s ahead, expires_in is ${expiresIn}`);
  }
}

function judgeRest(members: Members, isExchange: boolean, seen: Seen): void {
  for (const name of ["refresh_token", "scope", "issued_token_type"]) {
    if (members[name] === null) seen.add("NULL_FIELD", `"${name}": null`);
  }
  const { scope, issued_token_type: issued } = members;
  if (typeof scope === "string" && !/^[^\s"\\]+( [^\s"\\]+)*$/.test(scope)) {
    seen.add("SCOPE_IN_ANSWER_INVALID", `"scope": ${JSON.stringify(scope)}`);
  } else if (scope !== undefined && scope !== null && typeof scope !== "string") {
    seen.add("SCOPE_IN_ANSWER_NO_STRING", `"scope": ${JSON.stringify(scope)}`);
  }
  if (issued === undefined || issued === null) {
    if (isExchange) seen.add("REFRESH_ISSUED_TOKEN_TYPE_MISSING", "no issued_token_type");
  } else if (!TOKEN_TYPES.some((type) => issued === `urn:ietf:params:oauth:token-type:${type}`)) {
    seen.add("ISSUED_TOKEN_TYPE_UNKNOWN", `"issued_token_type": ${JSON.stringify(issued)}`);
  }
}

function kindOf(value: unknown): string {
  if (value === undefined) return "absent";
  return value === null ? "null" : `a ${typeof value}`;
}
