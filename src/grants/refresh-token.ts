/**
 * The refresh token grant (RFC 6749 section 6): opaque, rotating, one store call. Reuse outside the grace window kills
 * the family and revokes the session (RFC 9700 section 4.14.2).
 */
import type { Client } from "../clients/client.js";
import type { KeyRing } from "../keys/key-ring.js";
import { type Actor, type Session, actingClients } from "../oauth/access-token.js";
import { SECOND } from "../time/clock.js";
import { OAuthError, invalidRequest } from "../oauth/error.js";
import type { Events } from "../oauth/events.js";
import type { JsonObject } from "../oauth/json.js";
import type { Revocation, RevocationView } from "../oauth/revocation.js";
import type { Rotation, StoredFamily } from "../storage/refresh-families.js";
import type { Families } from "./authentic-families.js";
import type { Authorization } from "../tokens/authorization.js";
import { formatRefreshToken, parseRefreshToken } from "../tokens/refresh-token.js";
import { lineageOf } from "../tokens/session.js";
import { stillCopied } from "./copied-claims.js";
import type { Proposal } from "./grant.js";
import type { Sessions } from "./sessions.js";
import { type PresentSettings, whyLapsed } from "./standing.js";

/** What a family remembers of its authorization, as JSON. */
interface FamilyGrant {
  readonly sub: string;
  readonly act?: Actor | undefined;
  readonly scope: readonly string[];
  readonly aud: readonly string[];
  readonly session: Session;
  readonly claims: JsonObject;
  /** The trusted issuer that named the user. */
  readonly issuer?: string | undefined;
  readonly unsecured: boolean;
}

/** What refresh tokens take. */
export interface RefreshTokenDependencies extends PresentSettings {
  readonly families: Families;
  readonly keys: Pick<KeyRing, "macKey" | "stateOf">;
  readonly revocations: RevocationView;
  /** Publishes a revocation until it is stored, without being waited for. */
  readonly revokeEventually: (revocation: Revocation, owner: string | undefined) => void;
  readonly sessions: Sessions;
  readonly events: Events;
}

/**
 * Uses a refresh token. Every failure that is about the token gives the same answer. `settle` throws if what is asked
 * for is more than is proposed: that must not use the token up, since the client will ask again with it, perhaps after
 * the grace window. It is only given where something is asked for, and costs a second call of the store.
 */
export async function proposeRefreshToken(
  refreshToken: string | undefined,
  client: Client,
  settle: ((proposal: Proposal) => unknown) | undefined,
  dependencies: RefreshTokenDependencies,
): Promise<Proposal> {
  const { families, keys, events, sessions } = dependencies;
  if (refreshToken === undefined) throw invalidRequest("PARAMETER_MISSING", "refresh_token is missing.");
  const macKey = keys.macKey();
  const presented = parseRefreshToken(refreshToken, macKey);
  if (presented === undefined) throw refreshTokenInvalid("not one of ours");
  sessions.requireFreshRevocations();
  if (settle !== undefined) {
    const found = await families.find(presented.familyId);
    // An older token is none that could be used up: the store tells a repeat from a reuse.
    const isNewest = found !== undefined && presented.generation >= found.generation;
    if (isNewest && found.live && found.clientId === client.id) {
      settle(proposalOf(grantIn(found.grant), client, refreshToken, dependencies));
    }
  }
  const rotation = await families.rotate({ ...presented, clientId: client.id });
  const grant = grantOf(rotation, client, dependencies);
  if (rotation.outcome === "caught_up") events.storeRegressed("refresh_family");
  const successor = formatRefreshToken({ familyId: presented.familyId, generation: grant.generation }, macKey);
  return proposalOf(grant.family, client, successor, dependencies);
}

function grantOf(
  rotation: Rotation,
  client: Client,
  { events, revokeEventually }: RefreshTokenDependencies,
): { readonly family: FamilyGrant; readonly generation: number } {
  switch (rotation.outcome) {
    case "rotated":
    case "repeated":
    case "caught_up":
      return { family: grantIn(rotation.family.grant), generation: rotation.generation };
    case "reused": {
      const { sessionId, endsAt } = rotation.family;
      events.refreshReused(client.id, sessionId);
      // A quota of its own: a client that has used up the one for what it asks for is not spared for reuse.
      const owner = `reuse ${client.id}`;
      revokeEventually({ kind: "session", sessionId, expiresAt: Math.ceil(endsAt / SECOND) }, owner);
      throw refreshTokenInvalid("reused: family and session are revoked");
    }
    case "absent":
      throw refreshTokenInvalid("no such family for this client");
    case "tampered":
      throw refreshTokenInvalid("the stored family was not written by icemint as it is, or by a release without MACs");
  }
}

function grantIn(stored: string): FamilyGrant {
  // Written by `beginFamily` and returned as it was: its MAC was checked.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(stored) as FamilyGrant;
}

/** Whether a family that the store has may still be used: its session was not revoked, and has not ended. */
export function isFamilyLive(family: StoredFamily, dependencies: DeathDependencies): boolean {
  return family.live && whyDead(grantIn(family.grant), family.clientId, dependencies) === undefined;
}

type DeathDependencies = PresentSettings &
  Pick<RefreshTokenDependencies, "revocations" | "sessions"> & { readonly keys: Pick<KeyRing, "stateOf"> };

function whyDead(
  { session, sub, act, issuer, unsecured }: FamilyGrant,
  clientId: string,
  dependencies: DeathDependencies,
): string | undefined {
  const { revocations, sessions, keys } = dependencies;
  if (session.keys.some((kid) => keys.stateOf(kid) === "revoked"))
    return "a key that its session grew from was revoked";
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
  const basis = { subject: sub, clientId, actor: act, subjectIssuer: issuer, unsecuredSubject: unsecured };
  return whyLapsed(basis, dependencies);
}

function proposalOf(
  family: FamilyGrant,
  client: Client,
  successor: string,
  dependencies: RefreshTokenDependencies,
): Proposal {
  const dead = whyDead(family, client.id, dependencies);
  if (dead !== undefined) throw refreshTokenInvalid(dead);
  return {
    client,
    subject: family.sub,
    actor: family.act,
    session: family.session,
    copiedClaims: stillCopied(family.claims, dependencies),
    subjectIssuer: family.issuer,
    unsecuredSubject: family.unsecured,
    scope: { fallback: family.scope, ceilings: [new Set(family.scope)], kept: client.scopes.allowed },
    audience: { fallback: family.aud, ceilings: [new Set(family.aud)], kept: client.audiences.allowed },
    issuedType: "access_token",
    via: "refresh_token",
    refreshToken: { successor },
  };
}

/**
 * Begins a family for a user's new session and returns its first refresh token; undefined while the store is away, for
 * the exchange answers without one then. The family has the session's id: a refresh token names its session by itself,
 * so that it can be revoked by it also after the store has forgotten the family.
 */
export async function beginFamily(
  authorization: Authorization,
  { families, keys }: RefreshTokenDependencies,
): Promise<string | undefined> {
  const { client, subject, actor, scope, audience, session, copiedClaims } = authorization;
  const grant: FamilyGrant = {
    sub: subject,
    act: actor,
    scope,
    aud: audience,
    session,
    claims: copiedClaims,
    issuer: authorization.subjectIssuer,
    unsecured: authorization.unsecuredSubject,
  };
  const { id } = session;
  try {
    await families.create({
      id,
      clientId: client.id,
      sessionId: id,
      endsAt: session.endsAt * SECOND,
      grant: JSON.stringify(grant),
    });
    return formatRefreshToken({ familyId: id, generation: 0 }, keys.macKey());
  } catch (error) {
    if (error instanceof OAuthError && error.code === "temporarily_unavailable") return undefined;
    throw error;
  }
}

function refreshTokenInvalid(detail: string): OAuthError {
  return new OAuthError(
    "invalid_grant",
    "REFRESH_TOKEN_INVALID",
    "The refresh token is unknown, expired, used before, revoked, or another client's. Begin a new session.",
    { detail },
  );
}
