/** The answers of the local token endpoint. */
import type { ServerResponse } from "node:http";
import type { IssuedToken } from "../../client/token-endpoint.js";
import type { TokenError } from "../../client/token-error.js";
import { ExchangeRefused } from "./exchange-request.js";
import type { JsonObject } from "../../oauth/json.js";
import { tokenTypeUrn } from "../../oauth/token-type.js";
import type { TokenResponse } from "../../oauth/response.js";
import { SECOND } from "../../time/clock.js";

/** An answer that is not a token. */
export interface Refusal {
  readonly status: number;
  /** The `error` member (RFC 6749 section 5.2). */
  readonly error: string;
  readonly description: string;
  readonly retryAfterSeconds?: number;
}

/**
 * `expires_in` is what is left: 0 would make Iceberg's Java client ask without end. `members` are those of the server's
 * answer to an exchange.
 */
export function answerToken(
  response: ServerResponse,
  token: IssuedToken,
  nowMs: number,
  members: JsonObject = {},
): void {
  const { issued_token_type: type, refresh_token: refreshToken } = members;
  const body: TokenResponse = {
    access_token: token.accessToken,
    token_type: "bearer",
    expires_in: Math.max(1, Math.floor((token.expiresAt - nowMs) / SECOND)),
    issued_token_type: typeof type === "string" ? type : tokenTypeUrn("access_token"),
    scope: token.scope === "" ? undefined : token.scope,
    refresh_token: typeof refreshToken === "string" ? refreshToken : undefined,
  };
  send(response, 200, body);
}

export function answerRefusal(response: ServerResponse, refusal: Refusal): void {
  const { status, error, description, retryAfterSeconds } = refusal;
  if (retryAfterSeconds !== undefined) response.setHeader("Retry-After", retryAfterSeconds);
  if (status === 401) response.setHeader("WWW-Authenticate", "Basic");
  send(response, status, { error, error_description: description });
}

/** Iceberg's Java client bridges 38 s with `Retry-After: 1`, and 3 s without. */
export const AWAY: Refusal = {
  status: 503,
  error: "temporarily_unavailable",
  description: "The edge has no live token: the token service is away.",
  retryAfterSeconds: 1,
};

/** Of the server's refusals, all are the caller's to mend but that of the edge's own credential. */
export function refusalOf(error: TokenError): Refusal {
  const { code, oauthError } = error;
  if (code !== "refused") return AWAY;
  if (oauthError === undefined || oauthError === "invalid_client") {
    return { ...AWAY, description: "The edge has no live token: the token service refused the edge's credential." };
  }
  return {
    status: 400,
    error: oauthError,
    description: error instanceof ExchangeRefused ? error.description : "The token service refused.",
  };
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
  });
  response.end(text);
}
