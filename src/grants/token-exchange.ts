/**
 * The token exchange grant (RFC 8693): decides what kind of exchange is asked for, and leaves it to the file of that
 * kind. Refresh of our own token, a user's token of a trusted issuer or unsecured, and delegation.
 */
import type { Client } from "../clients/client.js";
import { type AccessToken, isOwnToken } from "../oauth/access-token.js";
import { OAuthError, invalidRequest } from "../oauth/error.js";
import { type Eventually, andThen } from "../oauth/eventually.js";
import type { TokenExchangeParameters } from "../oauth/request.js";
import type { TokenType } from "../oauth/token-type.js";
import type { TokenReading, TokenVerifier } from "../tokens/token-verifier.js";
import { type DelegationDependencies, proposeDelegation } from "./exchange-delegation.js";
import { type RefreshDependencies, proposeRefreshByClient, proposeRefreshBySelf } from "./exchange-refresh.js";
import { type UserDependencies, proposeIssuerUser, proposeUnsecuredUser } from "./exchange-user.js";
import { type Proposal } from "./grant.js";
import type { Requester } from "./requester.js";
import { isUnsecuredJwt } from "../jwt/unsecured-jwt.js";
import { type PresentSettings, whyLapsed } from "./standing.js";

/** What an exchange takes. */
export type ExchangeDependencies = RefreshDependencies &
  UserDependencies &
  DelegationDependencies & { readonly verifier: TokenVerifier };

/** Decides an exchange for a requester who has been identified. */
export function proposeExchange(
  parameters: TokenExchangeParameters,
  requester: Requester,
  dependencies: ExchangeDependencies,
): Eventually<Proposal> {
  const { subjectToken, subjectTokenType } = parameters;
  if (subjectToken === undefined) throw invalidRequest("PARAMETER_MISSING", "subject_token is missing.");
  if (subjectTokenType === undefined) throw invalidRequest("PARAMETER_MISSING", "subject_token_type is missing.");
  const issuedType = issuedTypeOf(parameters.requestedTokenType);
  const mayBeOurs = subjectTokenType === "access_token" || subjectTokenType === "jwt";
  const reading = mayBeOurs ? (requester.self ?? dependencies.verifier.read(subjectToken)) : undefined;
  if (reading !== undefined) return issuing(issuedType, exchangeOurs(reading, requester, dependencies));
  requireExchange(requester.client);
  const proposed = exchangeIssuerToken(subjectToken, subjectTokenType, requester, dependencies);
  return andThen(proposed, (proposal) => issuing(issuedType, proposal));
}

function issuing(issuedType: TokenType, proposal: Proposal): Proposal {
  return proposal.issuedType === issuedType ? proposal : { ...proposal, issuedType };
}

function exchangeOurs(reading: TokenReading, requester: Requester, dependencies: ExchangeDependencies): Proposal {
  const { client, by } = requester;
  requireGrantThatBegan(reading.token, client);
  requireStanding(reading.token, dependencies);
  if (by === "self") return proposeRefreshBySelf(reading, client, dependencies);
  if (reading.token.clientId !== client.id) return proposeDelegation(reading, requester, dependencies);
  if (by === "bearer" || by === "actor_token") {
    throw invalidRequest(
      "SUBJECT_NOT_ALLOWED",
      "A client's tokens are refreshed by the same token as Bearer, or by the client's own credentials.",
    );
  }
  return proposeRefreshByClient(reading, client, dependencies);
}

function exchangeIssuerToken(
  subjectToken: string,
  type: TokenType,
  requester: Requester,
  dependencies: ExchangeDependencies,
): Eventually<Proposal> {
  switch (type) {
    case "jwt":
      return isUnsecuredJwt(subjectToken)
        ? proposeUnsecuredUser(subjectToken, requester, dependencies)
        : proposeIssuerUser(subjectToken, requester, dependencies);
    case "access_token":
    case "id_token":
      return proposeIssuerUser(subjectToken, requester, dependencies);
    case "refresh_token":
    case "saml1":
    case "saml2":
      throw invalidRequest("TOKEN_TYPE_UNSUPPORTED", "subject_token_type must be access_token, id_token or jwt.");
  }
}

/**
 * A refresh needs the grant that began the session and no other: a client's own token began by client credentials, a
 * user's by exchange. Everything else needs the exchange grant.
 */
function requireGrantThatBegan(token: AccessToken, client: Client): void {
  const isOwn = token.clientId === client.id && isOwnToken(token);
  if (!isOwn) return requireExchange(client);
  // Else a client that lost the grant would go on beginning sessions of its own by exchange.
  if (!client.grants.has("client_credentials")) throw grantNotAllowed(client.id, "client_credentials");
}

/** The present settings rule at every refresh, and over what may be delegated. */
function requireStanding(token: AccessToken, settings: PresentSettings): void {
  const lapsed = isOwnToken(token) ? undefined : whyLapsed(token, settings);
  if (lapsed === undefined) return;
  throw invalidRequest("SUBJECT_NOT_ALLOWED", "The settings do not allow this token any more. Begin a new session.", {
    detail: lapsed,
  });
}

function requireExchange(client: Client): void {
  if (!client.grants.has("token_exchange")) throw grantNotAllowed(client.id, "token_exchange");
}

/** The client's record lacks the grant. */
export function grantNotAllowed(clientId: string, grant: string): OAuthError {
  return new OAuthError(
    "unauthorized_client",
    "GRANT_NOT_ALLOWED",
    `Client '${clientId}' may not use ${grant}. Add it to the grants of its record.`,
  );
}

function issuedTypeOf(requested: TokenType | undefined): TokenType {
  if (requested === undefined || requested === "access_token") return "access_token";
  if (requested === "jwt") return "jwt";
  throw invalidRequest("TOKEN_TYPE_UNSUPPORTED", "requested_token_type must be access_token or jwt.");
}
