/**
 * The token endpoint: one pipeline for every grant. Identify, check the grant, let the grant propose, settle scope and
 * audience, mint, record. Knows no transport and no database.
 */
import type { Client } from "../clients/client.js";
import { actingClients } from "../oauth/access-token.js";
import { OAuthError, toOAuthError } from "../oauth/error.js";
import { type Decision, type Events, newDecision } from "../oauth/events.js";
import type { GrantType } from "../oauth/grant-type.js";
import type { TokenRequest } from "../oauth/request.js";
import type { TokenResponse } from "../oauth/response.js";
import { tokenTypeUrn } from "../oauth/token-type.js";
import type { Authorization } from "../tokens/authorization.js";
import type { MintedToken, TokenIssuer } from "../tokens/token-issuer.js";
import { grantedAudience, grantedScope } from "./scope-and-audience.js";
import type { Grant, Proposal, Requester } from "./grant.js";
import type { RefreshTokens } from "./refresh-token.js";

/** The token endpoint (RFC 6749 section 3.2). */
export interface TokenEndpoint {
  /** Rejects with `OAuthError`. Every outcome is audited once. */
  token(request: TokenRequest): Promise<TokenResponse>;
}

export interface TokenEndpointDependencies {
  readonly grants: readonly Grant[];
  readonly tokenIssuer: TokenIssuer;
  readonly refreshTokens: Pick<RefreshTokens, "begin">;
  readonly events: Events;
  /** Monotonic milliseconds, for how long requests take. */
  readonly stopwatch?: () => number;
}

export function createTokenEndpoint(dependencies: TokenEndpointDependencies): TokenEndpoint {
  const { tokenIssuer, refreshTokens, events, stopwatch = () => performance.now() } = dependencies;
  const grants = new Map(dependencies.grants.map((grant) => [grant.type, grant]));

  function grantOf({ grant: { type } }: TokenRequest): Grant {
    const grant = grants.get(type);
    if (grant === undefined) throw new TypeError(`no grant ${type}`);
    return grant;
  }

  async function decide(request: TokenRequest, decision: Decision): Promise<TokenResponse> {
    // 1. Which client sends this?
    const grant = grantOf(request);
    const requester = await grant.identify(request);
    noteRequester(decision, requester);
    // 2. May this client use this grant?
    const ask = grant.ask(request, requester);
    requireGrant(requester.client, ask.needs);
    // 3. What is the most that it can get?
    const proposal = await ask.propose((proposed) => settle(request, proposed));
    noteProposal(decision, proposal);
    // 4. What does it get?
    const authorization = settle(request, proposal);
    // 5. The tokens.
    const minted = await tokenIssuer.mint(authorization);
    const refreshToken = await refreshTokenOf(proposal, authorization);
    // 6. The record.
    noteIssued(decision, authorization, minted);
    return responseOf(proposal, authorization, minted, refreshToken);
  }

  function refreshTokenOf(
    proposal: Proposal,
    authorization: Authorization,
  ): Promise<string | undefined> | string | undefined {
    if (proposal.refreshToken === "none") return undefined;
    if (proposal.refreshToken !== "begin") return proposal.refreshToken.successor;
    return proposal.client.grants.has("refresh_token") ? refreshTokens.begin(authorization) : undefined;
  }

  return {
    async token(request) {
      const startedAt = stopwatch();
      const decision = newDecision(request.caller, request.grant.type);
      let response: TokenResponse;
      try {
        response = await decide(request, decision);
      } catch (thrown) {
        const error = toOAuthError(thrown);
        events.tokenRefused(decision, error, stopwatch() - startedAt);
        throw error;
      }
      events.tokenIssued(decision, stopwatch() - startedAt);
      return response;
    },
  };
}

function requireGrant(client: Client, grant: GrantType): void {
  if (client.grants.has(grant)) return;
  throw new OAuthError(
    "unauthorized_client",
    "GRANT_NOT_ALLOWED",
    `Client '${client.id}' may not use ${grant}. Add it to the grants of its record.`,
  );
}

/** Cuts the request to the proposal. Throws `invalid_scope` or `invalid_target`. */
function settle(request: TokenRequest, proposal: Proposal): Authorization {
  const { client, subject, actor, session, copiedClaims, subjectIssuer, unsecuredSubject, ruleDigests } = proposal;
  return {
    client,
    subject,
    actor,
    session,
    copiedClaims,
    subjectIssuer,
    unsecuredSubject,
    ruleDigests,
    scope: grantedScope(request.scope, proposal.scope, client.id),
    audience: grantedAudience(request, proposal.audience, client.id),
  };
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

function noteRequester(decision: Decision, { client, by, secretName }: Requester): void {
  decision.clientId = client.id;
  decision.secretName = secretName;
  decision.rule = client.workload?.rule;
  decision.authMethod = by;
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
