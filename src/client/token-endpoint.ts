/** One request for a token. Knows nothing of retries. */
import { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";
import { SECOND } from "../time/clock.js";
import { isJsonObject, type JsonObject } from "../oauth/json.js";
import { TokenError } from "./token-error.js";

/** Instants in milliseconds. */
export interface IssuedToken {
  readonly accessToken: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly scope: string | undefined;
}

export interface TokenEndpoint {
  readonly url: string;
  /** PEM of the only trusted authorities, instead of the system's. */
  readonly ca?: string | undefined;
}

export interface TokenRequestContext {
  readonly clock: () => number;
  /** Ends the request. */
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 10 * SECOND;
const MAX_BYTES = 256 * 1024;
const MAX_TOKEN_LENGTH = 16 * 1024;
/** RFC 6750 section 2.1: the token goes into a header, which allows nothing else. */
const B64_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
/** RFC 6749 sections 5.2 and 3.3. */
const ERROR_WORD = /^[\x20\x21\x23-\x5B\x5D-\x7E]{1,100}$/;
const MAX_LIFE_SECONDS = 30 * 24 * 3600;

/** What an endpoint answered. */
export interface EndpointAnswer {
  /** The token, or why there is none. */
  readonly outcome: IssuedToken | TokenError;
  /** All members of the answer, as they came. They may repeat what was sent. */
  readonly members: JsonObject;
}

/**
 * Posts a form and returns the token. Rejects with a `TokenError`: `refused` if another attempt fails too,
 * `unavailable` if it may succeed. An answer of 200 without a token is `unavailable`. No redirect is followed: the
 * credential would go with it.
 */
export async function requestToken(
  endpoint: TokenEndpoint,
  form: URLSearchParams,
  context: TokenRequestContext,
): Promise<IssuedToken> {
  const { outcome } = await askTokenEndpoint(endpoint, form, context);
  if (outcome instanceof TokenError) throw outcome;
  return outcome;
}

/** As `requestToken`, with the whole answer. Rejects only if there is none. */
export async function askTokenEndpoint(
  endpoint: TokenEndpoint,
  form: URLSearchParams,
  { clock, signal }: TokenRequestContext,
): Promise<EndpointAnswer> {
  const issuedAt = clock();
  let answer: Answer;
  try {
    answer = await post(endpoint, form.toString(), signal);
  } catch (cause) {
    throw new TokenError("unavailable", "the token endpoint cannot be reached", { cause });
  }
  const members = parsed(answer.body);
  if (answer.status !== 200) return { outcome: refusal(answer, members), members };
  const unusable = new TokenError("unavailable", "the token endpoint answered 200 without a usable token");
  return { outcome: tokenOf(members, issuedAt) ?? unusable, members };
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** Each request has its own connection. There is one in half a token's life, and nothing stays open between. */
async function post({ url, ca }: TokenEndpoint, body: string, signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted();
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": Buffer.byteLength(body),
    accept: "application/json",
  };
  const options = { method: "POST", headers, agent: false, ...(ca !== undefined && { ca }) } as const;
  const request = url.startsWith("https:") ? https.request(url, options) : http.request(url, options);
  const end = (): void => void request.destroy(new Error("the request was given up"));
  const timer = setTimeout(() => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  signal.addEventListener("abort", end);
  try {
    return await answerTo(request, body);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    request.destroy();
  }
}

function answerTo(request: http.ClientRequest, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.once("response", (response) => resolve(read(response)));
    request.end(body);
  });
}

async function read(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`answered more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  const { statusCode: status = 0, headers } = response;
  return { status, retryAfter: headers["retry-after"], body: Buffer.concat(chunks).toString("utf8") };
}

function parsed(body: string): JsonObject {
  try {
    const value: unknown = JSON.parse(body);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

function tokenOf(json: JsonObject, issuedAt: number): IssuedToken | undefined {
  const { access_token: accessToken, token_type: type, expires_in: expiresIn, scope } = json;
  if (typeof accessToken !== "string" || accessToken.length > MAX_TOKEN_LENGTH || !B64_TOKEN.test(accessToken)) {
    return undefined;
  }
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") return undefined;
  if (typeof expiresIn !== "number" || !(expiresIn > 0)) return undefined;
  return {
    accessToken,
    issuedAt,
    expiresAt: issuedAt + Math.min(expiresIn, MAX_LIFE_SECONDS) * SECOND,
    scope: typeof scope === "string" ? scope : undefined,
  };
}

/** A proxy's or an overloaded server's answer may change. An OAuth error and a 404 do not. */
function refusal({ status, retryAfter }: Answer, json: JsonObject): TokenError {
  const word = json["error"];
  const oauthError = typeof word === "string" && ERROR_WORD.test(word) ? word : undefined;
  const passes = status >= 500 || status === 408 || status === 425 || status === 429;
  const what = oauthError === undefined ? `${status}` : `${status} ${oauthError}`;
  return new TokenError(passes ? "unavailable" : "refused", `the token endpoint answered ${what}`, {
    ...(oauthError !== undefined && { oauthError }),
    retryAfterMs: passes ? secondsToMs(retryAfter) : undefined,
  });
}

/** RFC 9110 section 10.2.3. A date is ignored: it would compare two clocks. */
function secondsToMs(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) * SECOND : undefined;
}
