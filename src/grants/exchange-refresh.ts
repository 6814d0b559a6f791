/**
 * Refresh by exchange, as Iceberg does it: the expiring token as subject, and as Bearer or with the client's own
 * credentials. Nothing is stored; the session bounds it.
 */
import type { Ceiling, Client } from "../clients/client.js";
import { type AccessToken, isOwnToken } from "../oauth/access-token.js";
import { invalidRequest } from "../oauth/error.js";
import type { TokenReading } from "../tokens/token-verifier.js";
import { isOfPresentRule } from "./bearer.js";
import { proposeOwn } from "./client-credentials.js";
import type { Proposal } from "./grant.js";
import type { Sessions } from "../tokens/sessions.js";
import type { Standing } from "./standing.js";

export interface RefreshDependencies {
  readonly sessions: Sessions;
  readonly standing: Standing;
}

/**
 * Refresh asked by the live token itself. Near the session's end it is refused at once, while the token still has time
 * for Java's six tries and its Basic fallback; early and far from the end it is simply answered.
 */
export function proposeRefreshBySelf(
  reading: TokenReading,
  client: Client,
  dependencies: RefreshDependencies,
): Proposal {
  if (dependencies.sessions.isEnding(reading.token, client.accessTtlSeconds)) {
    throw invalidRequest(
      "SESSION_ENDING",
      "The session is about to end and cannot be refreshed further. Authenticate with the client's own credentials.",
    );
  }
  return continued(reading.token, client, dependencies);
}

/**
 * Refresh asked by the token's client with its own credentials. A client's own token is always answered, at worst by
 * a new session: no more than client credentials give it anyway. A user's token only inside its session, never if
 * revoked.
 */
export function proposeRefreshByClient(
  reading: TokenReading,
  client: Client,
  dependencies: RefreshDependencies,
): Proposal {
  const { sessions } = dependencies;
  const { token, revoked } = reading;
  if (isOwnToken(token)) {
    const continues = !revoked && isOfPresentRule(token, client) && !sessions.isEnding(token, client.accessTtlSeconds);
    return continues ? continued(token, client, dependencies) : begunAnew(token, client, sessions);
  }
  sessions.requireFreshRevocations();
  if (revoked) throw invalidRequest("SESSION_REVOKED", "The user's session was revoked. Exchange a new user token.");
  if (sessions.hasEnded(token.session)) {
    throw invalidRequest("SESSION_ENDED", "The user's session has ended. Exchange a new user token.");
  }
  return continued(token, client, dependencies);
}

/**
 * A new session of the client's own. What is not asked for stays as the former token had it, rather than grow to the
 * client's defaults, unless the client has lost all of that.
 */
function begunAnew(token: AccessToken, client: Client, sessions: Sessions): Proposal {
  const fresh = proposeOwn(client, sessions);
  return {
    ...fresh,
    scope: { ...fresh.scope, fallback: stillAllowed(token.scope, client.scopes) },
    audience: { ...fresh.audience, fallback: stillAllowed(token.audience, client.audiences) },
    via: "new_session",
  };
}

function stillAllowed(former: readonly string[], ceiling: Ceiling): readonly string[] {
  const kept = former.filter((name) => ceiling.allowed.has(name));
  return kept.length > 0 ? kept : ceiling.default;
}

/** The same claims with a new expiry; static claims are the client's present ones. */
function continued(token: AccessToken, client: Client, { sessions, standing }: RefreshDependencies): Proposal {
  return {
    client,
    subject: token.subject,
    actor: token.actor,
    session: sessions.continued(token),
    copiedClaims: standing.copiedClaims(token),
    subjectIssuer: token.subjectIssuer,
    unsecuredSubject: token.unsecuredSubject,
    ruleDigests: token.ruleDigests,
    scope: { fallback: token.scope, ceilings: [new Set(token.scope)], kept: client.scopes.allowed },
    audience: { fallback: token.audience, ceilings: [new Set(token.audience)], kept: client.audiences.allowed },
    issuedType: "access_token",
    via: "refresh",
    refreshToken: "none",
  };
}
