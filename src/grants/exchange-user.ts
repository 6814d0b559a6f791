/** A user's token, with the client as actor: of a trusted issuer, or unsecured where the client's record allows it. */
import type { ClientRegistry } from "../clients/client-registry.js";
import type { Client } from "../clients/client.js";
import type { Actor } from "../oauth/access-token.js";
import { type Clock, toSeconds } from "../time/clock.js";
import { type OAuthError, invalidRequest } from "../oauth/error.js";
import { type JsonObject, isJsonObject } from "../oauth/json.js";
import { isSubject } from "../oauth/subject.js";
import { actorOf } from "../tokens/token-verifier.js";
import type { IssuerTokenVerifier, TrustedIssuer } from "../issuers/trusted-issuer.js";
import { readUnsecuredJwt } from "../jwt/unsecured-jwt.js";
import { actingAs } from "./exchange-delegation.js";
import { clientBounds, type Proposal } from "./grant.js";
import type { Requester } from "./requester.js";
import type { Sessions } from "./sessions.js";

/** What exchanging a user's token takes. */
export interface UserDependencies {
  /** `iss` of our own tokens, which `may_act` may name. */
  readonly issuer: string;
  readonly sessions: Sessions;
  readonly issuerTokens: IssuerTokenVerifier;
  readonly registry: ClientRegistry;
  readonly trustedIssuers: () => readonly TrustedIssuer[];
  readonly clock: Clock;
}

/** A JWT of a trusted issuer: the mapped user is the subject. */
export async function proposeIssuerUser(
  subjectToken: string,
  requester: Requester,
  dependencies: UserDependencies,
): Promise<Proposal> {
  const { subject, claims, issuer } = await dependencies.issuerTokens.verify(
    subjectToken,
    "subject_token",
    subjectInvalid,
  );
  if (dependencies.registry.current.byId.has(subject)) {
    throw invalidRequest("SUBJECT_NOT_ALLOWED", "The subject would be taken for a client of the same name.");
  }
  requireMayAct(claims["may_act"], requester.client, dependencies.issuer);
  const copied = Object.entries(claims).filter(([name]) => issuer.copiedClaims.includes(name));
  const user: NamedUser = {
    subject,
    former: formerActor(claims, issuer.issuer),
    copiedClaims: Object.fromEntries(copied),
    subjectIssuer: issuer.issuer,
    unsecuredSubject: false,
  };
  return propose(user, requester, dependencies);
}

/**
 * An unsecured JWT (RFC 7519 section 6), as Trino's `session=USER` sends it: only by an authenticated client whose
 * record allows the subject, and marked in the token.
 */
export function proposeUnsecuredUser(
  subjectToken: string,
  requester: Requester,
  dependencies: UserDependencies,
): Proposal {
  const { client } = requester;
  if (client.unsecuredSubjects === undefined) {
    throw subjectNotAllowed(`Client '${client.id}' may not use unsecured subject tokens.`);
  }
  const claims = readUnsecuredJwt(subjectToken, toSeconds(dependencies.clock()), subjectInvalid);
  const subject = claims["sub"];
  if (!isSubject(subject)) throw subjectInvalid("no usable sub");
  if (!mayNameUnsecured(client, subject, dependencies)) {
    throw subjectNotAllowed(`Client '${client.id}' may not name this subject by an unsecured token.`);
  }
  requireMayAct(claims["may_act"], client, dependencies.issuer);
  const user: NamedUser = {
    subject,
    former: undefined,
    copiedClaims: {},
    subjectIssuer: undefined,
    unsecuredSubject: true,
  };
  return propose(user, requester, dependencies);
}

/** Whether a client's record lets it name this subject by an unsecured token: nobody whom another could be. */
export function mayNameUnsecured(
  client: Client,
  subject: string,
  { registry, trustedIssuers }: Pick<UserDependencies, "registry" | "trustedIssuers">,
): boolean {
  const isAllowed = client.unsecuredSubjects?.some((pattern) => matches(subject, pattern)) ?? false;
  return (
    isAllowed && !registry.current.byId.has(subject) && !trustedIssuers().some((issuer) => hasPrefixOf(issuer, subject))
  );
}

/** Whether a subject has the prefix of an issuer's users, which tells them from all others. */
export function hasPrefixOf({ subject: { prefix } }: TrustedIssuer, subject: string): boolean {
  return prefix !== "" && subject.startsWith(prefix);
}

/** A user as the presented token names them. */
interface NamedUser extends Pick<Proposal, "subject" | "copiedClaims" | "subjectIssuer" | "unsecuredSubject"> {
  /** Actors that the other issuer named. */
  readonly former: Actor | undefined;
}

function propose(user: NamedUser, { client, tokens }: Requester, { sessions }: UserDependencies): Proposal {
  const { subject, former, copiedClaims, subjectIssuer, unsecuredSubject } = user;
  const actor = actingAs(client.id, former);
  const { scope, audience } = clientBounds(client);
  return {
    client,
    subject,
    actor,
    session: sessions.begin({ subject, clientId: client.id, actor, means: tokens }),
    copiedClaims,
    subjectIssuer,
    unsecuredSubject,
    scope: { ...scope, ceilings: [...scope.ceilings, ...tokens.map((token) => new Set(token.scope))] },
    audience: { ...audience, ceilings: [...audience.ceilings, ...tokens.map((token) => new Set(token.audience))] },
    issuedType: "access_token",
    via: "user",
    refreshToken: "begin",
  };
}

/** `may_act` (RFC 8693 section 4.4) names who may act: the client must match all of it. It never widens anything. */
function requireMayAct(mayAct: unknown, client: Client, issuer: string): void {
  if (mayAct === undefined) return;
  const self: JsonObject = { sub: client.id, client_id: client.id, iss: issuer };
  const matchesAll =
    isJsonObject(mayAct) &&
    Object.keys(mayAct).length > 0 &&
    Object.entries(mayAct).every(([name, value]) => Object.hasOwn(self, name) && self[name] === value);
  if (!matchesAll) throw subjectNotAllowed(`The subject token's may_act names another actor than '${client.id}'.`);
}

/** Actors that the other issuer already named stay nested inside, marked as its. */
function formerActor(claims: JsonObject, issuer: string): Actor | undefined {
  const named = actorOf(claims["act"]);
  return named && markedAs(issuer, named);
}

/** The issuer vouches for them all: an `iss` that it gives one of them could be ours, or that of another issuer. */
function markedAs(issuer: string, { sub, act }: Actor): Actor {
  if (!isSubject(sub)) throw subjectInvalid("act names an actor that no token of ours may name");
  return { sub, iss: issuer, ...(act && { act: markedAs(issuer, act) }) };
}

/** Glob match with `*` for any characters. Linear in the subject for each star: no backtracking to exploit. */
function matches(subject: string, pattern: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return subject === pattern;
  if (!subject.startsWith(first) || !subject.endsWith(last) || subject.length < first.length + last.length)
    return false;
  let at = first.length;
  for (const part of rest) {
    const found = subject.indexOf(part, at);
    if (found < 0 || found + part.length > subject.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}

function subjectInvalid(detail: string, cause?: unknown): OAuthError {
  return invalidRequest("SUBJECT_TOKEN_INVALID", `subject_token was refused: ${detail}.`, { cause });
}

function subjectNotAllowed(description: string): OAuthError {
  return invalidRequest("SUBJECT_NOT_ALLOWED", description);
}
