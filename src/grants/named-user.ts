/** The user that a trusted issuer's token names, and whether a client may act for this user. */
import { copyClaims } from "../issuers/copied-claims.js";
import type { Client } from "../clients/client.js";
import type { IssuerToken } from "../issuers/trusted-issuer.js";
import type { Refuse } from "../jwt/compact-jws.js";
import type { Actor } from "../oauth/access-token.js";
import { type JsonObject, isJsonObject } from "../oauth/json.js";
import { isSubject } from "../oauth/subject.js";
import { actorOf } from "../tokens/token-verifier.js";
import type { Proposal } from "./grant.js";
import type { Standing } from "./standing.js";

/** A user, as a proposal names one. */
export interface NamedUser extends Pick<Proposal, "subject" | "copiedClaims" | "subjectIssuer" | "unsecuredSubject"> {
  /** Actors that the trusted issuer named. */
  readonly former: Actor | undefined;
}

export interface UserRules {
  readonly standing: Pick<Standing, "isClient">;
  /** `iss` of our own tokens, which `may_act` may name. */
  readonly issuer: string;
  /** Makes the refusal of a token that is not as it should be. */
  readonly invalid: Refuse;
  /** Makes the refusal of a user for whom the client may not act. */
  readonly notAllowed: Refuse;
}

/** Throws what `rules` make if the client may not act for the user. */
export function userOf({ issuer, subject, claims }: IssuerToken, client: Client, rules: UserRules): NamedUser {
  if (rules.standing.isClient(subject)) {
    throw rules.notAllowed("The subject would be taken for a client of the same name.");
  }
  requireActsForIssuer(client, issuer.issuer, rules);
  requireMayAct(claims["may_act"], client, rules);
  return {
    subject,
    former: formerActor(claims, issuer.issuer, rules),
    copiedClaims: copyClaims(claims, issuer.copiedClaims),
    subjectIssuer: issuer.issuer,
    unsecuredSubject: false,
  };
}

/**
 * A client derived by a rule acts for nobody's users, and a registered one for everybody's, unless the settings name
 * issuers.
 */
function requireActsForIssuer({ id, actForIssuers }: Client, issuer: string, { notAllowed }: UserRules): void {
  if (actForIssuers === undefined || actForIssuers.has(issuer)) return;
  throw notAllowed(`Client '${id}' may not act for users of this issuer. Name it in act_for_issuers.`);
}

/** `may_act` (RFC 8693 section 4.4): the client must match every member. It never grants anything by itself. */
export function requireMayAct(
  mayAct: unknown,
  client: Client,
  { issuer, notAllowed }: Pick<UserRules, "issuer" | "notAllowed">,
): void {
  if (mayAct === undefined) return;
  const self: JsonObject = { sub: client.id, client_id: client.id, iss: issuer };
  const matchesAll =
    isJsonObject(mayAct) &&
    Object.keys(mayAct).length > 0 &&
    Object.entries(mayAct).every(([name, value]) => Object.hasOwn(self, name) && self[name] === value);
  if (!matchesAll) throw notAllowed(`The subject token's may_act names another actor than '${client.id}'.`);
}

/** Actors of the trusted issuer stay nested inside ours, marked with its name. */
function formerActor(claims: JsonObject, issuer: string, rules: UserRules): Actor | undefined {
  const named = actorOf(claims["act"]);
  return named && markedAs(issuer, named, rules);
}

/** Each gets the issuer's name: an `iss` in its claim could name us, or another issuer. */
function markedAs(issuer: string, { sub, act }: Actor, rules: UserRules): Actor {
  if (!isSubject(sub)) throw rules.invalid("act names an actor that no token of ours may name");
  return { sub, iss: issuer, ...(act && { act: markedAs(issuer, act, rules) }) };
}
