/** The introspection endpoint (RFC 7662), plain and signed (RFC 9701). */
import type { KeyRing } from "../keys/key-ring.js";
import type { AccessToken, Actor } from "../oauth/access-token.js";
import { type Clock, SECOND, toSeconds } from "../time/clock.js";
import { toOAuthError } from "../oauth/error.js";
import type { Events } from "../oauth/events.js";
import type { CallerRequest } from "../oauth/request.js";
import type { JsonObject, JsonValue } from "../oauth/json.js";
import type { RevocationView } from "../oauth/revocation.js";
import type { Families } from "../grants/authentic-families.js";
import { parseRefreshToken } from "../tokens/refresh-token.js";
import { isLive } from "../tokens/token-verifier.js";
import { type CallerDependencies, type CallingClient, identifyCaller } from "./permission.js";
import { isFamilyLive } from "../grants/refresh-token.js";
import { type PresentSettings, isServed } from "../grants/standing.js";

/** The answer of introspection: `{active: false}`, or the members of RFC 7662 section 2.2. */
export type Introspection = JsonObject & { readonly active: boolean };

/** The introspection endpoint (RFC 7662). */
export interface IntrospectionEndpoint {
  /** Answers for a token. Throws `OAuthError` for the caller's faults, never for the token's. */
  introspect(request: CallerRequest & { readonly token: string }): Promise<Introspection>;
  /** The same as a signed JWT (RFC 9701 section 5), for the resource server that asks. */
  introspectSigned(request: CallerRequest & { readonly token: string }): Promise<string>;
}

/** What introspection takes. */
export type IntrospectionDependencies = CallerDependencies & {
  readonly families: Families;
  readonly keys: Pick<KeyRing, "macKey" | "signer" | "stateOf">;
  readonly events: Events;
  readonly clock: Clock;
  readonly revocations: RevocationView;
  readonly trustedIssuers: PresentSettings["trustedIssuers"];
};

type IntrospectionRequest = CallerRequest & { readonly token: string };

/** All that is said of a token that is dead, unknown or not for the caller (RFC 7662 section 2.2). */
const INACTIVE: Introspection = { active: false };

/** Makes the introspection endpoint. */
export function createIntrospectionEndpoint(dependencies: IntrospectionDependencies): IntrospectionEndpoint {
  const { verifier, sessions, events, keys, clock, issuer } = dependencies;

  async function describe(request: IntrospectionRequest, caller: CallingClient): Promise<Introspection> {
    const refresh = parseRefreshToken(request.token, keys.macKey());
    if (refresh !== undefined) return describeFamily(refresh.familyId, refresh.generation, caller, dependencies);
    const reading = verifier.read(request.token);
    if (reading === undefined || !isLive(reading) || sessions.hasEnded(reading.token.session)) return INACTIVE;
    if (!isServed(reading.token, dependencies)) return INACTIVE;
    return mayKnow(caller, reading.token) ? describeAccessToken(reading.token, issuer) : INACTIVE;
  }

  /** Identifies, describes, records; the caller's client id is the audience of a signed answer. */
  async function answer(request: IntrospectionRequest): Promise<{ introspection: Introspection; clientId: string }> {
    try {
      const caller = await identifyCaller(request, dependencies);
      sessions.requireFreshRevocations();
      const introspection = await describe(request, caller);
      events.introspected(request.caller, caller.client.id, introspection.active);
      return { introspection, clientId: caller.client.id };
    } catch (thrown) {
      const error = toOAuthError(thrown);
      events.introspectionRefused(request.caller, error);
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

async function describeFamily(
  familyId: string,
  generation: number,
  caller: CallingClient,
  dependencies: IntrospectionDependencies,
): Promise<Introspection> {
  const family = await dependencies.families.find(familyId);
  if (family === undefined || family.generation !== generation || !isFamilyLive(family, dependencies)) return INACTIVE;
  // A refresh token is for nobody but its client and this server: no resource server stands for it.
  const { clientId } = family;
  if (!mayKnow(caller, { clientId, audience: [] })) return INACTIVE;
  return {
    active: true,
    token_type: "refresh_token",
    client_id: family.clientId,
    sid: family.sessionId,
    exp: Math.floor(family.endsAt / SECOND),
  };
}

function describeAccessToken(token: AccessToken, issuer: string): Introspection {
  return {
    ...token.claims,
    active: true,
    ...(token.scope.length > 0 && { scope: token.scope.join(" ") }),
    client_id: token.clientId,
    token_type: "bearer",
    exp: token.expiresAt,
    iat: token.issuedAt,
    nbf: token.issuedAt,
    sub: token.subject,
    aud: token.audience,
    iss: issuer,
    jti: token.id,
    sid: token.session.id,
    auth_time: token.session.startedAt,
    session_exp: token.session.endsAt,
    ...(token.actor && { act: actorJson(token.actor) }),
    ...(token.subjectIssuer !== undefined && { subject_issuer: token.subjectIssuer }),
    ...(token.unsecuredSubject && { unsecured_subject: true }),
  };
}

function actorJson({ sub, iss, act }: Actor): JsonObject {
  return { sub, ...(iss !== undefined && { iss }), ...(act && { act: actorJson(act) }) };
}

/**
 * A client may know of tokens that are its own. Of the others, `serves` opens those for its audiences and closes the
 * rest (RFC 7662 section 2.2 leaves it to the server); without it, permission `introspect` opens all.
 */
function mayKnow({ client }: CallingClient, token: Pick<AccessToken, "clientId" | "audience">): boolean {
  const { id, serves, permissions } = client;
  if (token.clientId === id) return true;
  return serves === undefined ? permissions.has("introspect") : token.audience.some((name) => serves.has(name));
}

function encoded(value: Readonly<Record<string, JsonValue>>): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
