/** `POST /v1/oauth/tokens` for engines on this machine. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IssuedToken } from "../../client/token-endpoint.js";
import { TokenError } from "../../client/token-error.js";
import { TOKEN_PATH } from "../../oauth/paths.js";
import { tokenTypeUrn } from "../../oauth/token-type.js";
import { grantTypeOnWire } from "../../oauth/grant-type.js";
import type { Clock } from "../../time/clock.js";
import type { EngineSecret } from "./engine-secret.js";
import type { TokenAnswer } from "./exchange-request.js";
import type { AskedExchange, Exchanges } from "./exchanges.js";
import { readForm } from "./form-body.js";
import type { createRequestGuard } from "./request-guard.js";
import { answerRefusal, answerToken, refusalOf, type Refusal } from "./token-answer.js";
import { isSameSet, wordsOf, type AskedToken, type TokenLines } from "./token-lines.js";

export interface LocalEndpointOptions {
  readonly guard: ReturnType<typeof createRequestGuard>;
  readonly engineSecret: EngineSecret;
  readonly lines: Pick<TokenLines, "get" | "giverOf">;
  readonly exchanges: Pick<Exchanges, "exchange" | "pass" | "hasGiven">;
  readonly clock: Clock;
  /** `answer` is `ok` or the OAuth error. */
  readonly onAnswer: (grant: AskedGrant, answer: string) => void;
}

export type AskedGrant = "client_credentials" | "refresh" | "exchange" | "other";

const CLIENT_CREDENTIALS = grantTypeOnWire("client_credentials");
const EXCHANGE = grantTypeOnWire("token_exchange");
const ACCESS_TOKEN = tokenTypeUrn("access_token");
const JWT = tokenTypeUrn("jwt");

/** A request handler. */
export function createLocalEndpoint(options: LocalEndpointOptions) {
  const { guard, engineSecret, lines, exchanges, clock, onAnswer } = options;

  async function answerFor(
    grant: AskedGrant,
    asked: AskedExchange,
  ): Promise<(Partial<TokenAnswer> & { token: IssuedToken }) | Refusal> {
    const { form, authorization } = asked;
    if (grant === "refresh") {
      const giver = lines.giverOf(form.get("subject_token") ?? "");
      return await lines.get(giver?.asked ?? askedIn(form));
    }
    if (!(await engineSecret(form, authorization)) && !isBearerOfOurs(grant, authorization)) return WRONG_SECRET;
    if (grant === "client_credentials") return await lines.get(askedIn(form));
    if (grant === "exchange") return await exchanges.exchange(asked);
    return form.get("grant_type") ? await exchanges.pass(asked) : NO_GRANT;
  }

  /** Engines exchange with a token in place of the secret. Only who presented the secret can have it. */
  function isBearerOfOurs(grant: AskedGrant, authorization = ""): boolean {
    const [, token] = /^bearer +(\S+)$/i.exec(authorization) ?? [];
    if (grant !== "exchange" || token === undefined) return false;
    return lines.giverOf(token) !== undefined || exchanges.hasGiven(token);
  }

  /** Whether it refreshes a token that was given out here, for no more than that token has. */
  function isLocalRefresh(form: URLSearchParams): boolean {
    const type = form.get("subject_token_type");
    const wanted = form.get("requested_token_type") ?? ACCESS_TOKEN;
    if (form.has("actor_token") || wanted !== ACCESS_TOKEN || (type !== ACCESS_TOKEN && type !== JWT)) return false;
    const giver = lines.giverOf(form.get("subject_token") ?? "");
    return giver !== undefined && asksForNoOther(askedIn(form), giver.asked);
  }

  function grantOf(form: URLSearchParams): AskedGrant {
    const type = form.get("grant_type");
    if (type === CLIENT_CREDENTIALS) return "client_credentials";
    if (type !== EXCHANGE) return "other";
    return isLocalRefresh(form) ? "refresh" : "exchange";
  }

  async function answerTo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = await readForm(request);
    if ("reason" in form) {
      response.setHeader("Connection", "close"); // the rest of the body is not read
      return answerRefusal(response, { status: form.status, error: "invalid_request", description: form.reason });
    }
    const grant = grantOf(form);
    const authorization = request.headers.authorization;
    const answer = await answerFor(grant, { form, authorization }).catch(asRefusal);
    onAnswer(grant, "token" in answer ? "ok" : answer.error);
    if ("token" in answer) answerToken(response, answer.token, clock(), answer.members);
    else answerRefusal(response, answer);
  }

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refused = guard(request) ?? doubleAuthorization(request);
    if (refused !== undefined) {
      return answerRefusal(response, { status: 403, error: "access_denied", description: refused });
    }
    if (request.url !== TOKEN_PATH) {
      return answerRefusal(response, {
        status: 404,
        error: "invalid_request",
        description: `Tokens are at ${TOKEN_PATH}.`,
      });
    }
    if (request.method !== "POST") {
      response.setHeader("Allow", "POST");
      return answerRefusal(response, { status: 405, error: "invalid_request", description: "Send a POST." });
    }
    await answerTo(request, response);
  };
}

/** Node shows the first of two. */
function doubleAuthorization({ headersDistinct }: IncomingMessage): string | undefined {
  const isDouble = (headersDistinct["authorization"]?.length ?? 0) > 1;
  return isDouble ? "The request has two Authorization headers." : undefined;
}

const WRONG_SECRET: Refusal = {
  status: 401,
  error: "invalid_client",
  description: "The edge wants its own secret as client_secret.",
};

const NO_GRANT: Refusal = { status: 400, error: "invalid_request", description: "grant_type is missing." };

function asRefusal(error: unknown): Refusal {
  if (error instanceof TokenError) return refusalOf(error);
  throw error;
}

function askedIn(form: URLSearchParams): AskedToken {
  const all = (name: string): readonly string[] => form.getAll(name).filter((value) => value !== "");
  return { scope: wordsOf(form.get("scope")), audience: all("audience"), resource: all("resource") };
}

/** In a refresh, an absent parameter means that of the token (RFC 8693 section 2.1). */
function asksForNoOther(asked: AskedToken, given: AskedToken): boolean {
  const members = ["scope", "audience", "resource"] as const;
  return members.every((member) => asked[member].length === 0 || isSameSet(asked[member], given[member]));
}
