/**
 * The token endpoint: one pipeline for every grant. Authenticate, check the grant, let the grant propose, settle scope
 * and audience, mint, record. Knows no transport and no database.
 */
import type { Client } from "../clients/client.js";
import { actingClients } from "../oauth/access-token.js";
import { toOAuthError } from "../oauth/error.js";
import { type Eventually, andThen, attempt } from "../oauth/eventually.js";
import { type Decision, type Events, newDecision } from "../oauth/events.js";
import type { GrantType } from "../oauth/grant-type.js";
import type { TokenExchangeParameters, TokenRequest } from "../oauth/request.js";
import type { TokenResponse } from "../oauth/response.js";
import { tokenTypeUrn } from "../oauth/token-type.js";
import type { Authorization } from "../tokens/authorization.js";
import type { MintedToken, TokenIssuer } from "../tokens/token-issuer.js";
import { grantedAudience, grantedScope } from "./bounds.js";
import { proposeClientCredentials } from "./client-credentials.js";
import type { Proposal } from "./grant.js";
import { type RefreshTokenDependencies, beginFamily, proposeRefreshToken } from "./refresh-token.js";
import { type RequesterDependencies, identifyRequester } from "./requester.js";
import { type ExchangeDependencies, grantNotAllowed, proposeExchange } from "./token-exchange.js";

/** The token endpoint (RFC 6749 section 3.2). */
export interface TokenEndpoint {
  /** Answers, or throws or rejects with `OAuthError`; every outcome is audited. At once if there is nothing to wait for. */
  token(request: TokenRequest): Eventually<TokenResponse>;
}

/** Everything that the pipeline works with. */
export type TokenEndpointDependencies = RequesterDependencies &
  ExchangeDependencies &
  RefreshTokenDependencies & {
    readonly tokenIssuer: TokenIssuer;
    readonly events: Events;
    /** Monotonic, in milliseconds: how long requests take. */
    readonly stopwatch?: () => number;
  };

/** A request on its way, and what is known of it so far. */
interface Pending {
  readonly request: TokenRequest;
  readonly decision: Decision;
  /** By the stopwatch. */
  readonly startedAt: number;
}

/** Makes the token endpoint. */
export function createTokenEndpoint(dependencies: TokenEndpointDependencies): TokenEndpoint {
  const { tokenIssuer, events, stopwatch = () => performance.now() } = dependencies;

  function decide(pending: Pending): Eventually<TokenResponse> {
    return andThen(propose(pending, dependencies), issue, pending);
  }

  function issue(proposal: Proposal, pending: Pending): Eventually<TokenResponse> {
    noteProposal(pending.decision, proposal);
    const authorization = authorize(pending.request, proposal);
    return andThen(tokenIssuer.mint(authorization), (minted) =>
      andThen(refreshTokenOf(proposal, authorization, dependencies), (refreshToken) => {
        noteIssued(pending.decision, authorization, minted);
        events.tokenIssued(pending.decision, stopwatch() - pending.startedAt);
        return responseOf(proposal, authorization, minted, refreshToken);
      }),
    );
  }

  function refuse(thrown: unknown, { decision, startedAt }: Pending): never {
    const error = toOAuthError(thrown);
    events.tokenRefused(decision, error, stopwatch() - startedAt);
    throw error;
  }

  const deciding = { work: decide, recover: refuse };

  return {
    token(request) {
      const decision = newDecision(request.caller, request.grant.type);
      return attempt(deciding, { request, decision, startedAt: stopwatch() });
    },
  };
}

/** Who asks, whether they may use the grant, and what it could give them. */
function propose({ request, decision }: Pending, dependencies: TokenEndpointDependencies): Eventually<Proposal> {
  const { grant } = request;
  if (grant.type === "token_exchange") return identifyAndPropose(request, grant, decision, dependencies);
  return andThen(dependencies.authenticator.authenticate(request), ({ client, method }) => {
    noteRequester(decision, client, method);
    requireGrant(client, grant.type);
    if (grant.type === "client_credentials") return proposeClientCredentials(client, dependencies.sessions);
    const settle = asksForSomething(request) ? (proposal: Proposal) => authorize(request, proposal) : undefined;
    return proposeRefreshToken(grant.refreshToken, client, settle, dependencies);
  });
}

function identifyAndPropose(
  request: TokenRequest,
  grant: TokenExchangeParameters,
  decision: Decision,
  dependencies: TokenEndpointDependencies,
): Eventually<Proposal> {
  return andThen(identifyRequester(request, grant, dependencies), (requester) => {
    noteRequester(decision, requester.client, requester.by);
    return proposeExchange(grant, requester, dependencies);
  });
}

function requireGrant(client: Client, grant: GrantType): void {
  if (!client.grants.has(grant)) throw grantNotAllowed(client.id, grant);
}

function asksForSomething({ scope, audience, resource }: TokenRequest): boolean {
  return scope !== undefined || audience.length > 0 || resource.length > 0;
}

/** Settles what is asked for within what the grant proposes. */
function authorize(request: TokenRequest, proposal: Proposal): Authorization {
  const { client, subject, actor, session, copiedClaims, subjectIssuer, unsecuredSubject } = proposal;
  return {
    client,
    subject,
    actor,
    session,
    copiedClaims,
    subjectIssuer,
    unsecuredSubject,
    scope: grantedScope(request.scope, proposal.scope, client.id),
    audience: grantedAudience(request, proposal.audience, client.id),
  };
}

function refreshTokenOf(
  proposal: Proposal,
  authorization: Authorization,
  dependencies: TokenEndpointDependencies,
): Eventually<string | undefined> {
  if (proposal.refreshToken === "none") return undefined;
  if (proposal.refreshToken !== "begin") return proposal.refreshToken.successor;
  return proposal.client.grants.has("refresh_token") ? beginFamily(authorization, dependencies) : undefined;
}

function responseOf(
  proposal: Proposal,
  authorization: Authorization,
  minted: MintedToken,
  refreshToken: string | undefined,
): TokenResponse {
  return {
    access_token: minted.accessToken,
    token_type: "bearer",
    expires_in: minted.expiresIn,
    issued_token_type: tokenTypeUrn(proposal.issuedType),
    refresh_token: refreshToken,
    scope: authorization.scope.length > 0 ? authorization.scope.join(" ") : undefined,
  };
}

function noteRequester(decision: Decision, client: Client, method: string): void {
  decision.clientId = client.id;
  decision.authMethod = method;
}

function noteProposal(decision: Decision, proposal: Proposal): void {
  decision.subject = proposal.subject;
  decision.actors = actingClients(proposal.actor);
  decision.sessionId = proposal.session.id;
  decision.unsecuredSubject = proposal.unsecuredSubject;
  decision.via = proposal.via;
}

function noteIssued(decision: Decision, authorization: Authorization, minted: MintedToken): void {
  decision.scope = authorization.scope;
  decision.audience = authorization.audience;
  decision.tokenId = minted.id;
}
