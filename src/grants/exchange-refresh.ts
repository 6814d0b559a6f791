/**
 * Refresh by token exchange, as Iceberg's clients do it: the expiring token is the subject, and the client
 * authenticates by the same token or by its own credentials. Nothing is stored. The session bounds it.
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
 * Refresh by the live token itself. Near the session's end it is refused: the token then lives long enough for Java's
 * six tries and its Basic fallback.
 */
export function proposeRefreshBySelf(
  reading: TokenReading,
  client: Client,
  dependencies: RefreshDependencies,
): Proposal {
  if (dependencies.sessions.isEnding(reading.token, client.accessTtlMs)) {
    throw invalidRequest(
      "SESSION_ENDING",
      "The session is about to end and cannot be refreshed further. Authenticate with the client's own credentials.",
    );
  }
  return continued(reading.token, client, dependencies);
}

/**
 * Refresh by the token's client with its own credentials. A client's own token always succeeds, at worst with a new
 * session: client credentials give no less. A user's token is refreshed inside its session only, and never if revoked.
 */
export function proposeRefreshByClient(
  reading: TokenReading,
  client: Client,
  dependencies: RefreshDependencies,
): Proposal {
  const { sessions } = dependencies;
  const { token, revoked } = reading;
  if (isOwnToken(token)) {
    const continues = !revoked && isOfPresentRule(token, client) && !sessions.isEnding(token, client.accessTtlMs);
    return continues ? continued(token, client, dependencies) : begunAgain(token, client, sessions);
  }
  sessions.requireFreshRevocations();
  if (revoked) throw invalidRequest("SESSION_REVOKED", "The user's session was revoked. Exchange a new user token.");
  if (sessions.hasEnded(token.session)) {
    throw invalidRequest("SESSION_ENDED", "The user's session has ended. Exchange a new user token.");
  }
  return continued(token, client, dependencies);
}

/**
 * A new session of the client. Scope and audience default to those of the former token. The client's defaults apply
 * only if the client has lost all of those.
 */
function begunAgain(token: AccessToken, client: Client, sessions: Sessions): Proposal {
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

/** The same claims with a new expiry. Static claims come from the client's present record. */
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
