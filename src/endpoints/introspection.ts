/** The introspection endpoint (RFC 7662), plain and signed (RFC 9701). */
import type { KeyRing } from "../keys/key-ring.js";
import type { AccessToken, Actor } from "../oauth/access-token.js";
import { type Clock, toSeconds } from "../time/clock.js";
import { toOAuthError } from "../oauth/error.js";
import { type Events, newAsker } from "../oauth/events.js";
import type { CallerRequest } from "../oauth/request.js";
import type { JsonObject, JsonValue } from "../oauth/json.js";
import type { Families } from "../grants/authentic-families.js";
import { parseRefreshToken } from "../tokens/refresh-token.js";
import { type TokenVerifier, isLive } from "../tokens/token-verifier.js";
import type { RefreshTokens } from "../grants/refresh-token.js";
import type { Sessions } from "../tokens/sessions.js";
import type { Standing } from "../grants/standing.js";
import { type CallingClient, type IdentifyCaller, noteCaller } from "./permission.js";

/** The answer of introspection: `{active: false}`, or the members of RFC 7662 section 2.2. */
export type Introspection = JsonObject & { readonly active: boolean };

export interface IntrospectionEndpoint {
  /** Rejects with `OAuthError` for a fault of the caller. A bad token is `{active: false}`. */
  introspect(request: CallerRequest & { readonly token: string }): Promise<Introspection>;
  /** The same as a signed JWT (RFC 9701 section 5), for the resource server that asks. */
  introspectSigned(request: CallerRequest & { readonly token: string }): Promise<string>;
}

export interface IntrospectionDependencies {
  readonly identifyCaller: IdentifyCaller;
  readonly verifier: TokenVerifier;
  readonly sessions: Sessions;
  readonly standing: Standing;
  readonly families: Pick<Families, "find">;
  readonly refreshTokens: Pick<RefreshTokens, "isLive">;
  readonly keys: Pick<KeyRing, "macKey" | "signer">;
  readonly events: Events;
  readonly clock: Clock;
  readonly issuer: string;
}

type IntrospectionRequest = CallerRequest & { readonly token: string };

/** The whole answer for a token that is dead, unknown or not for the caller (RFC 7662 section 2.2). */
const INACTIVE: Introspection = { active: false };

export function createIntrospectionEndpoint(dependencies: IntrospectionDependencies): IntrospectionEndpoint {
  const { identifyCaller, verifier, sessions, standing, families, refreshTokens, keys, events, clock, issuer } =
    dependencies;

  async function describe(request: IntrospectionRequest, caller: CallingClient): Promise<Introspection> {
    const presented = parseRefreshToken(request.token, keys.macKey());
    if (presented !== undefined) return describeFamily(presented.familyId, presented.generation, caller);
    const reading = verifier.read(request.token);
    if (reading === undefined || !isLive(reading) || sessions.hasEnded(reading.token.session)) return INACTIVE;
    if (!standing.isServed(reading.token)) return INACTIVE;
    return mayKnow(caller, reading.token) ? describeAccessToken(reading.token, issuer) : INACTIVE;
  }

  async function describeFamily(familyId: string, generation: number, caller: CallingClient): Promise<Introspection> {
    const family = await families.find(familyId);
    if (family === undefined || family.generation !== generation || !refreshTokens.isLive(family)) return INACTIVE;
    // A refresh token has no audience: no resource server may see it.
    const { clientId } = family;
    if (!mayKnow(caller, { clientId, audience: [] })) return INACTIVE;
    return {
      active: true,
      token_type: "refresh_token",
      client_id: family.clientId,
      sid: family.sessionId,
      exp: toSeconds(family.endsAt),
    };
  }

  /** The caller's client id is the audience of a signed answer. */
  async function answer(request: IntrospectionRequest): Promise<{ introspection: Introspection; clientId: string }> {
    const asker = newAsker(request.caller);
    try {
      const caller = await identifyCaller(request);
      noteCaller(asker, caller);
      sessions.requireFreshRevocations();
      const introspection = await describe(request, caller);
      events.introspected(asker, introspection.active);
      return { introspection, clientId: caller.client.id };
    } catch (thrown) {
      const error = toOAuthError(thrown);
      events.introspectionRefused(asker, error);
      throw error;
    }
  }

  return {
    introspect: async (request) => (await answer(request)).introspection,
    async introspectSigned(request) {
      const { introspection, clientId } = await answer(request);
      const signer = keys.signer();
      const header = { alg: signer.algorithm, typ: "token-introspection+jwt", kid: signer.kid };
      const claims = { iss: issuer, aud: clientId, iat: toSeconds(clock()), token_introspection: introspection };
      const input = `${encoded(header)}.${encoded(claims)}`;
      return `${input}.${await signer.sign(input)}`;
    },
  };
}

function describeAccessToken(token: AccessToken, issuer: string): Introspection {
  return {
    ...token.claims,
    active: true,
    ...(token.scope.length > 0 && { scope: token.scope.join(" ") }),
    client_id: token.clientId,
    token_type: "bearer",
    exp: toSeconds(token.expiresAt),
    iat: toSeconds(token.issuedAt),
    nbf: toSeconds(token.issuedAt),
    sub: token.subject,
    aud: token.audience,
    iss: issuer,
    jti: token.id,
    sid: token.session.id,
    auth_time: toSeconds(token.session.startedAt),
    session_exp: toSeconds(token.session.endsAt),
    ...(token.actor && { act: actorJson(token.actor) }),
    ...(token.subjectIssuer !== undefined && { subject_issuer: token.subjectIssuer }),
    ...(token.unsecuredSubject && { unsecured_subject: true }),
  };
}

function actorJson({ sub, iss, act }: Actor): JsonObject {
  return { sub, ...(iss !== undefined && { iss }), ...(act && { act: actorJson(act) }) };
}

/**
 * A client may see its own tokens. With `serves`, it also sees those for its audiences, and no others. Without it,
 * permission `introspect` shows all. RFC 7662 section 2.2 leaves the rule to the server.
 */
function mayKnow({ client }: CallingClient, token: Pick<AccessToken, "clientId" | "audience">): boolean {
  const { id, serves, permissions } = client;
  if (token.clientId === id) return true;
  return serves === undefined ? permissions.has("introspect") : token.audience.some((name) => serves.has(name));
}

function encoded(value: Readonly<Record<string, JsonValue>>): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
