/**
 * Delegation: a client exchanges another client's token, and then acts for its subject (RFC 8693 section 4.1).
 */
import { type Actor, depthOf, isOwnToken } from "../oauth/access-token.js";
import { invalidRequest } from "../oauth/error.js";
import { type TokenReading, isLive } from "../tokens/token-verifier.js";
import { type Proposal, type Requester, clientBounds, ruleDigestsOf } from "./grant.js";
import type { Sessions } from "../tokens/sessions.js";
import type { Standing } from "./standing.js";

/** The longest chain of actors. */
export const MAX_ACTORS = 4;

export interface DelegationDependencies {
  readonly sessions: Sessions;
  readonly standing: Standing;
}

/** The requester becomes the outermost actor. */
export function proposeDelegation(
  reading: TokenReading,
  requester: Requester,
  { sessions, standing }: DelegationDependencies,
): Proposal {
  const { client, tokens } = requester;
  const { token } = reading;
  if (!client.mayActFor.has(token.clientId)) {
    throw invalidRequest(
      "SUBJECT_NOT_ALLOWED",
      `Client '${client.id}' may not exchange this token. Name the token's client in its may_act_for.`,
    );
  }
  // The revocation log may not say it yet: the store is away, or icemint has restarted.
  if (!standing.isServed(token)) {
    throw invalidRequest("SUBJECT_NOT_ALLOWED", "The subject token's client was removed or disabled.");
  }
  if (!standing.mayActForUser(client, token)) {
    throw invalidRequest(
      "SUBJECT_NOT_ALLOWED",
      `Client '${client.id}' may not act for users of the subject's issuer. Name it in act_for_issuers.`,
    );
  }
  sessions.requireFreshRevocations();
  if (!isLive(reading)) {
    throw reading.revoked
      ? invalidRequest("SESSION_REVOKED", "The subject token's session was revoked.")
      : invalidRequest("SUBJECT_TOKEN_INVALID", "The subject token has expired.");
  }
  const actor = actingAs(client.id, token.actor);
  const own = clientBounds(client);
  const presented = [token, ...tokens];
  return {
    client,
    subject: token.subject,
    actor,
    session: sessions.begin({ subject: token.subject, clientId: client.id, actor, means: presented, within: token }),
    copiedClaims: standing.copiedClaims(token),
    subjectIssuer: token.subjectIssuer,
    unsecuredSubject: token.unsecuredSubject,
    ruleDigests: [...new Set([...token.ruleDigests, ...ruleDigestsOf(client)])],
    scope: {
      fallback: token.scope,
      ceilings: [client.scopes.allowed, ...presented.map(({ scope }) => new Set(scope))],
    },
    audience: {
      fallback: token.audience,
      ceilings: [...own.audience.ceilings, ...presented.map(({ audience }) => new Set(audience))],
    },
    issuedType: "access_token",
    via: "delegation",
    refreshToken: isOwnToken(token) ? "none" : "begin",
  };
}

/** The chain of actors with a new outermost one. Throws `invalid_request` when it would be too long. */
export function actingAs(clientId: string, former: Actor | undefined): Actor {
  const actor: Actor = { sub: clientId, ...(former && { act: former }) };
  if (depthOf(actor) > MAX_ACTORS) {
    throw invalidRequest("DELEGATION_TOO_DEEP", `The chain of actors would be longer than ${MAX_ACTORS}.`);
  }
  return actor;
}
