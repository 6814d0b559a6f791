/**
 * The JWT bearer grant by an ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant): a trusted issuer lets one client act
 * for one of its users. The client authenticates beside it, and becomes the actor. There is no refresh token (section
 * 4.4.3): the client comes again with an ID-JAG, the same one or another.
 */
import { useIssuerToken } from "../clients/assertion-use.js";
import type { Client } from "../clients/client.js";
import { checkAge } from "../issuers/assertion-age.js";
import { ID_JAG_TYPE, audienceOf } from "../issuers/claims.js";
import type { IssuerToken, IssuerTokenVerifier } from "../issuers/trusted-issuer.js";
import { type Refuse, looksLikeJws, readHeader } from "../jwt/compact-jws.js";
import { depthOf } from "../oauth/access-token.js";
import { OAuthError } from "../oauth/error.js";
import type { JsonObject } from "../oauth/json.js";
import { type Scope, parseScope } from "../oauth/scope.js";
import { isSubject } from "../oauth/subject.js";
import type { Replays } from "../storage/replays.js";
import type { Clock } from "../time/clock.js";
import type { Sessions } from "../tokens/sessions.js";
import type { Bounds } from "./scope-and-audience.js";
import { MAX_ACTORS, actingAs } from "./exchange-delegation.js";
import { type Ask, type Proposal, clientBounds, ruleDigestsOf } from "./grant.js";
import { userOf } from "./named-user.js";
import type { Standing } from "./standing.js";

export interface IdJagDependencies {
  /** `iss` of our own tokens. */
  readonly issuer: string;
  readonly issuers: IssuerTokenVerifier;
  readonly sessions: Sessions;
  readonly standing: Standing;
  readonly replays: Replays;
  readonly clock: Clock;
}

/** An ID-JAG and the client that presents it, which has authenticated. */
export interface PresentedIdJag {
  readonly jwt: string;
  readonly client: Client;
  readonly refuse: Refuse;
  readonly settle: Parameters<Ask["propose"]>[0];
}

/** Throws what `refuse` makes, or `temporarily_unavailable`. */
export type ProposeByIdJag = (presented: PresentedIdJag) => Promise<Proposal>;

/** Whether an assertion says that it is an ID-JAG. The kind of an assertion is chosen by `typ` alone. */
export function isIdJag(jwt: string): boolean {
  if (!looksLikeJws(jwt)) return false;
  try {
    return readHeader(jwt.slice(0, jwt.indexOf(".")), unreadable).type === ID_JAG_TYPE;
  } catch {
    return false;
  }
}

const unreadable: Refuse = (detail) => new TypeError(detail);

export function createIdJags(dependencies: IdJagDependencies): ProposeByIdJag {
  const { issuer, issuers, sessions, standing, replays, clock } = dependencies;
  return async ({ jwt, client, refuse, settle }) => {
    const token = await issuers.verify(jwt, "id_jag", refuse);
    checkAge(token, "id_jag", clock(), refuse);
    checkClaims(token.claims, client, refuse);
    const { former, ...user } = userOf(token, client, { standing, issuer, invalid: refuse, notAllowed: refuse });
    if (depthOf(former) >= MAX_ACTORS) throw refuse(`act names ${MAX_ACTORS} actors or more`);
    const { subject } = user;
    const actor = actingAs(client.id, former);
    const session = { subject, clientId: client.id, actor, means: [], atMostMs: client.accessTtlMs };
    const proposal: Proposal = {
      ...user,
      client,
      actor,
      session: sessions.begin(session),
      ruleDigests: ruleDigestsOf(client),
      ...boundsOf(token, client, refuse),
      issuedType: "access_token",
      via: "id_jag",
      refreshToken: "none",
    };
    // What asks for too much must not use it up.
    settle(proposal);
    await useIssuerToken(token, "grant", { replays, refuse });
    return proposal;
  };
}

/** Claims that the draft requires, and those that would need what icemint does not do. */
function checkClaims(claims: JsonObject, client: Client, refuse: Refuse): void {
  if (claims["client_id"] !== client.id) throw refuse("client_id names another client than the one that authenticated");
  if (!isSubject(claims["sub"])) throw refuse("sub is missing or unfit");
  if (!isSubject(claims["jti"])) throw refuse("jti is missing or unfit");
  for (const [name, why] of Object.entries(UNSUPPORTED)) {
    if (Object.hasOwn(claims, name)) throw refuse(`${name} ${why}`);
  }
}

/** Left aside, each would give more than the issuer meant, or to somebody else. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  authorization_details: "bounds the grant in a way that is not supported (RFC 9396)",
  cnf: "binds the assertion to a key, whose proof is not supported (RFC 9449)",
  tenant: "says that sub is unique within a tenant only",
};

/** `scope` and `resource` are ceilings, and what is granted if the request names nothing. */
function boundsOf(
  { claims: { scope, resource } }: IssuerToken,
  client: Client,
  refuse: Refuse,
): Pick<Proposal, "scope" | "audience"> {
  const own = clientBounds(client);
  const scopes = scope === undefined ? undefined : scopeOf(scope, refuse);
  const resources = resource === undefined ? undefined : audienceOf(resource);
  if (resource !== undefined && (resources === undefined || resources.length === 0)) {
    throw refuse("resource is neither a string nor a list of strings");
  }
  return { scope: within(own.scope, scopes), audience: within(own.audience, resources) };
}

function within(bounds: Bounds, names: readonly string[] | undefined): Bounds {
  return names === undefined ? bounds : { fallback: names, ceilings: [...bounds.ceilings, new Set(names)] };
}

function scopeOf(value: unknown, refuse: Refuse): Scope {
  let words: Scope | undefined;
  try {
    words = typeof value === "string" ? parseScope(value) : undefined;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    throw refuse("scope is malformed", { detail: `scope is malformed: ${error.message}` });
  }
  if (words === undefined) throw refuse("scope is no string of words");
  return words;
}
