/**
 * The refresh token grant (RFC 6749 section 6): opaque, rotating, one store call. Reuse outside the grace window kills
 * the family and revokes the session (RFC 9700 section 4.14.2).
 */
import type { ClientAuthenticator } from "../clients/client-authenticator.js";
import type { Client } from "../clients/client.js";
import type { KeyRing } from "../keys/key-ring.js";
import { type Actor, type Session, actingClients } from "../oauth/access-token.js";
import { OAuthError, invalidRequest } from "../oauth/error.js";
import type { Events } from "../oauth/events.js";
import type { JsonObject } from "../oauth/json.js";
import type { TokenRequest } from "../oauth/request.js";
import type { Revocation, RevocationView } from "../oauth/revocation.js";
import { familySessionEnd } from "../revocations/lifetime.js";
import type { Rotation, StoredFamily } from "../storage/refresh-families.js";
import { SECOND, toSeconds } from "../time/clock.js";
import type { Authorization } from "../tokens/authorization.js";
import { formatRefreshToken, parseRefreshToken } from "../tokens/refresh-token.js";
import { lineageOf } from "../tokens/sessions.js";
import type { Families } from "./authentic-families.js";
import { type Grant, type Proposal, parametersOf } from "./grant.js";
import type { Sessions } from "../tokens/sessions.js";
import type { Standing } from "./standing.js";

/** The authorization that a family stores, as JSON. */
interface FamilyGrant {
  readonly sub: string;
  readonly act?: Actor | undefined;
  readonly scope: readonly string[];
  readonly aud: readonly string[];
  /** Its instants in seconds. */
  readonly session: Session;
  readonly claims: JsonObject;
  /** The trusted issuer that named the user. */
  readonly issuer?: string | undefined;
  readonly unsecured: boolean;
  /** Digests of workload rules. Absent where there are none. */
  readonly rules?: readonly string[] | undefined;
}

export interface RefreshTokensDependencies {
  readonly families: Families;
  readonly keys: Pick<KeyRing, "macKey" | "stateOf">;
  readonly revocations: RevocationView;
  /** Tries until the revocation is stored. No request waits for it. */
  readonly revokeEventually: (revocation: Revocation, owner: string | undefined) => void;
  readonly sessions: Sessions;
  readonly standing: Standing;
  readonly events: Events;
}

/** Refresh tokens of users' sessions. */
export interface RefreshTokens {
  /**
   * The first refresh token of a user's new session. Undefined while the store is away: the exchange succeeds without
   * one.
   */
  begin(authorization: Authorization): Promise<string | undefined>;
  /**
   * Every failure of the token gets the same answer. `settle` throws if the request exceeds the proposal. It must not
   * use up the token: the client sends it again, perhaps after the grace window. It is passed only if the request names
   * a scope or an audience, because it costs a second store call.
   */
  use(refreshToken: string, client: Client, settle: ((proposal: Proposal) => unknown) | undefined): Promise<Proposal>;
  /** Whether a stored family may still be used: its session was not revoked and has not ended. */
  isLive(family: StoredFamily): boolean;
}

export function createRefreshTokenGrant({
  authenticator,
  refreshTokens,
}: {
  readonly authenticator: ClientAuthenticator;
  readonly refreshTokens: Pick<RefreshTokens, "use">;
}): Grant {
  return {
    type: "refresh_token",
    async identify(request) {
      const { client, method } = await authenticator.authenticate(request);
      return { client, by: method, tokens: [] };
    },
    ask: (request, { client }) => ({
      needs: "refresh_token",
      propose(settle) {
        const { refreshToken } = parametersOf(request, "refresh_token");
        if (refreshToken === undefined) throw invalidRequest("PARAMETER_MISSING", "refresh_token is missing.");
        return refreshTokens.use(refreshToken, client, asksForSomething(request) ? settle : undefined);
      },
    }),
  };
}

function asksForSomething({ scope, audience, resource }: TokenRequest): boolean {
  return scope !== undefined || audience.length > 0 || resource.length > 0;
}

export function createRefreshTokens(dependencies: RefreshTokensDependencies): RefreshTokens {
  const { families, keys, revocations, revokeEventually, sessions, standing, events } = dependencies;

  function whyDead({ session, sub, act, issuer, unsecured, rules }: FamilyGrant, clientId: string): string | undefined {
    if (session.keys.some((kid) => keys.stateOf(kid) === "revoked")) {
      return "a key that its session grew from was revoked";
    }
    const revoked = revocations.covers({
      sessionIds: lineageOf(session),
      subject: sub,
      clientId,
      actors: actingClients(act),
      startedAt: session.startedAt,
      kids: session.keys,
    });
    if (revoked) return "the session was revoked";
    if (sessions.hasEnded(session)) return "the session has ended";
    return standing.whyLapsed({
      subject: sub,
      clientId,
      actor: act,
      subjectIssuer: issuer,
      unsecuredSubject: unsecured,
      ruleDigests: rules ?? [],
    });
  }

  function proposalOf(family: FamilyGrant, client: Client, successor: string): Proposal {
    const dead = whyDead(family, client.id);
    if (dead !== undefined) throw refreshTokenInvalid(dead);
    return {
      client,
      subject: family.sub,
      actor: family.act,
      session: family.session,
      copiedClaims: standing.stillCopied(family.claims),
      subjectIssuer: family.issuer,
      unsecuredSubject: family.unsecured,
      ruleDigests: family.rules ?? [],
      scope: { fallback: family.scope, ceilings: [new Set(family.scope)], kept: client.scopes.allowed },
      audience: { fallback: family.aud, ceilings: [new Set(family.aud)], kept: client.audiences.allowed },
      issuedType: "access_token",
      via: "refresh_token",
      refreshToken: { successor },
    };
  }

  function grantOf(rotation: Rotation, client: Client): { readonly family: FamilyGrant; readonly generation: number } {
    switch (rotation.outcome) {
      case "rotated":
      case "repeated":
      case "caught_up":
        return { family: grantIn(rotation.family.grant), generation: rotation.generation };
      case "reused": {
        const { sessionId } = rotation.family;
        events.refreshReused(client.id, sessionId);
        // Reuse has its own quota: a client that has used up its other quota still loses the session.
        const owner = `reuse ${client.id}`;
        revokeEventually({ kind: "session", sessionId, expiresAt: familySessionEnd(rotation.family) }, owner);
        throw refreshTokenInvalid("reused: family and session are revoked");
      }
      case "absent":
        throw refreshTokenInvalid("no such family for this client");
      case "tampered":
        throw refreshTokenInvalid(
          "the stored family was not written by icemint as it is, or by a release without MACs",
        );
    }
  }

  return {
    async begin(authorization) {
      const { client, subject, actor, scope, audience, session, copiedClaims } = authorization;
      const { subjectIssuer, unsecuredSubject, ruleDigests } = authorization;
      const grant: FamilyGrant = {
        sub: subject,
        act: actor,
        scope,
        aud: audience,
        session: inSeconds(session),
        claims: copiedClaims,
        issuer: subjectIssuer,
        unsecured: unsecuredSubject,
        ...(ruleDigests.length > 0 && { rules: ruleDigests }),
      };
      // A family has its session's id: the refresh token can be revoked after the store has lost the family.
      const { id } = session;
      try {
        await families.create({
          id,
          clientId: client.id,
          sessionId: id,
          endsAt: session.endsAt,
          grant: JSON.stringify(grant),
        });
        return formatRefreshToken({ familyId: id, generation: 0 }, keys.macKey());
      } catch (error) {
        if (error instanceof OAuthError && error.code === "temporarily_unavailable") return undefined;
        throw error;
      }
    },

    async use(refreshToken, client, settle) {
      const macKey = keys.macKey();
      const presented = parseRefreshToken(refreshToken, macKey);
      if (presented === undefined) throw refreshTokenInvalid("not one of ours");
      sessions.requireFreshRevocations();
      if (settle !== undefined) {
        const found = await families.find(presented.familyId);
        // An older token needs no check: the store tells a repeat from a reuse.
        const isNewest = found !== undefined && presented.generation >= found.generation;
        if (isNewest && found.live && found.clientId === client.id) {
          settle(proposalOf(grantIn(found.grant), client, refreshToken));
        }
      }
      const rotation = await families.rotate({ ...presented, clientId: client.id });
      const { family, generation } = grantOf(rotation, client);
      if (rotation.outcome === "caught_up") events.storeRegressed("refresh_family");
      return proposalOf(family, client, formatRefreshToken({ familyId: presented.familyId, generation }, macKey));
    },

    isLive: (family) => family.live && whyDead(grantIn(family.grant), family.clientId) === undefined,
  };
}

function inSeconds(session: Session): Session {
  return { ...session, startedAt: toSeconds(session.startedAt), endsAt: toSeconds(session.endsAt) };
}

function grantIn(stored: string): FamilyGrant {
  // `begin` wrote it, and its MAC was checked.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const grant = JSON.parse(stored) as FamilyGrant;
  const { session } = grant;
  return { ...grant, session: { ...session, startedAt: session.startedAt * SECOND, endsAt: session.endsAt * SECOND } };
}

function refreshTokenInvalid(detail: string): OAuthError {
  return new OAuthError(
    "invalid_grant",
    "REFRESH_TOKEN_INVALID",
    "The refresh token is unknown, expired, used before, revoked, or another client's. Begin a new session.",
    { detail },
  );
}
