/**
 * The token exchange grant (RFC 8693). It chooses the kind of exchange, each of which has its own file: a refresh of
 * our own token, a user's token, or delegation.
 */
import type { Client } from "../clients/client.js";
import { type AccessToken, isOwnToken } from "../oauth/access-token.js";
import { invalidRequest } from "../oauth/error.js";
import type { GrantType } from "../oauth/grant-type.js";
import type { TokenExchangeParameters, TokenRequest } from "../oauth/request.js";
import type { TokenType } from "../oauth/token-type.js";
import { isUnsecuredJwt } from "../jwt/unsecured-jwt.js";
import { withoutOuterSpace } from "../jwt/white-space.js";
import type { TokenReading, TokenVerifier } from "../tokens/token-verifier.js";
import { proposeDelegation } from "./exchange-delegation.js";
import { proposeRefreshByClient, proposeRefreshBySelf } from "./exchange-refresh.js";
import type { UserExchange } from "./exchange-user.js";
import { type Grant, type Proposal, type Requester, parametersOf } from "./grant.js";
import type { IdentifyRequester } from "./requester.js";
import type { Sessions } from "../tokens/sessions.js";
import type { Standing } from "./standing.js";

export interface TokenExchangeDependencies {
  readonly identify: IdentifyRequester;
  readonly verifier: TokenVerifier;
  readonly sessions: Sessions;
  readonly standing: Standing;
  readonly users: UserExchange;
}

export function createTokenExchange(dependencies: TokenExchangeDependencies): Grant {
  const { identify, verifier, sessions, standing, users } = dependencies;

  function exchangeOurs(reading: TokenReading, requester: Requester): Proposal {
    const { client, by } = requester;
    requireStanding(reading.token, standing);
    if (by === "self") return proposeRefreshBySelf(reading, client, dependencies);
    if (reading.token.clientId !== client.id) return proposeDelegation(reading, requester, dependencies);
    if (by === "bearer" || by === "actor_token") {
      throw invalidRequest(
        "SUBJECT_NOT_ALLOWED",
        "A client's tokens are refreshed by the same token as Bearer, or by the client's own credentials.",
      );
    }
    return proposeRefreshByClient(reading, client, { sessions, standing });
  }

  function exchangeUser(subjectToken: string, type: TokenType, requester: Requester): Proposal | Promise<Proposal> {
    switch (type) {
      case "jwt":
        if (isUnsecuredJwt(subjectToken)) return users.proposeUnsecured(subjectToken, requester);
        return users.proposeIssued(subjectToken, requester);
      case "access_token":
      case "id_token":
        return users.proposeIssued(subjectToken, requester);
      case "refresh_token":
      case "saml1":
      case "saml2":
        throw invalidRequest("TOKEN_TYPE_UNSUPPORTED", "subject_token_type must be access_token, id_token or jwt.");
    }
  }

  return {
    type: "token_exchange",
    identify: (request) => identify(request, exchangeOf(request)),
    ask(request, requester) {
      const parameters = exchangeOf(request);
      const { token, type } = subjectOf(parameters);
      const issuedType = issuedTypeOf(parameters.requestedTokenType);
      const issued = (proposal: Proposal): Proposal => ({ ...proposal, issuedType });
      const mayBeOurs = type === "access_token" || type === "jwt";
      const reading = mayBeOurs ? (requester.self ?? verifier.read(token)) : undefined;
      if (reading === undefined) {
        return { needs: "token_exchange", propose: async () => issued(await exchangeUser(token, type, requester)) };
      }
      const needs = grantThatBegan(reading.token, requester.client);
      return { needs, propose: () => issued(exchangeOurs(reading, requester)) };
    },
  };
}

/** The parameters, with no white space round the tokens: grpc-go and Kafka send the file that a token stands in as it is. */
function exchangeOf(request: TokenRequest): TokenExchangeParameters {
  const parameters = parametersOf(request, "token_exchange");
  const { subjectToken, actorToken } = parameters;
  return {
    ...parameters,
    subjectToken: withoutOuterSpace(subjectToken ?? "") || undefined,
    actorToken: withoutOuterSpace(actorToken ?? "") || undefined,
  };
}

/**
 * A refresh needs the grant that began the session: client credentials for a client's own token, token exchange for a
 * user's. A client that lost the grant must not continue by exchange.
 */
function grantThatBegan(token: AccessToken, client: Client): GrantType {
  return token.clientId === client.id && isOwnToken(token) ? "client_credentials" : "token_exchange";
}

/** The present settings decide at every refresh and every delegation. */
function requireStanding(token: AccessToken, standing: Standing): void {
  const lapsed = isOwnToken(token) ? undefined : standing.whyLapsed(token);
  if (lapsed === undefined) return;
  throw invalidRequest("SUBJECT_NOT_ALLOWED", "The settings do not allow this token any more. Begin a new session.", {
    detail: lapsed,
  });
}

function subjectOf({ subjectToken, subjectTokenType }: TokenExchangeParameters): {
  readonly token: string;
  readonly type: TokenType;
} {
  if (subjectToken === undefined) throw invalidRequest("PARAMETER_MISSING", "subject_token is missing.");
  if (subjectTokenType === undefined) throw invalidRequest("PARAMETER_MISSING", "subject_token_type is missing.");
  return { token: subjectToken, type: subjectTokenType };
}

function issuedTypeOf(requested: TokenType | undefined): TokenType {
  if (requested === undefined || requested === "access_token") return "access_token";
  if (requested === "jwt") return "jwt";
  throw invalidRequest("TOKEN_TYPE_UNSUPPORTED", "requested_token_type must be access_token or jwt.");
}
