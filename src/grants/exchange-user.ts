/**
 * Exchange of a user's token, with the client as actor. A trusted issuer signed it, or it is unsecured and the client's
 * record allows that.
 */
import type { Client } from "../clients/client.js";
import type { IssuerTokenVerifier } from "../issuers/trusted-issuer.js";
import { readUnsecuredJwt } from "../jwt/unsecured-jwt.js";
import type { Actor } from "../oauth/access-token.js";
import { type OAuthError, invalidRequest } from "../oauth/error.js";
import { type JsonObject, isJsonObject } from "../oauth/json.js";
import { isSubject } from "../oauth/subject.js";
import { type Clock, toSeconds } from "../time/clock.js";
import { actorOf } from "../tokens/token-verifier.js";
import { actingAs } from "./exchange-delegation.js";
import { type Proposal, type Requester, clientBounds, ruleDigestsOf } from "./grant.js";
import type { Sessions } from "../tokens/sessions.js";
import type { Standing } from "./standing.js";

export interface UserExchangeDependencies {
  /** `iss` of our own tokens, which `may_act` may name. */
  readonly issuer: string;
  readonly sessions: Sessions;
  readonly issuers: IssuerTokenVerifier;
  readonly standing: Standing;
  readonly clock: Clock;
}

export interface UserExchange {
  /** A JWT of a trusted issuer: the mapped user is the subject. */
  proposeIssued(subjectToken: string, requester: Requester): Promise<Proposal>;
  /**
   * An unsecured JWT (RFC 7519 section 6), as Trino's `session=USER` sends it: only by an authenticated client whose
   * record allows the subject, and marked in the token.
   */
  proposeUnsecured(subjectToken: string, requester: Requester): Proposal;
}

/** The user that the presented token names. */
interface NamedUser extends Pick<Proposal, "subject" | "copiedClaims" | "subjectIssuer" | "unsecuredSubject"> {
  /** Actors that the trusted issuer named. */
  readonly former: Actor | undefined;
}

export function createUserExchange(dependencies: UserExchangeDependencies): UserExchange {
  const { issuer, sessions, issuers, standing, clock } = dependencies;

  function propose(user: NamedUser, { client, tokens }: Requester): Proposal {
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
      ruleDigests: ruleDigestsOf(client),
      scope: { ...scope, ceilings: [...scope.ceilings, ...tokens.map((token) => new Set(token.scope))] },
      audience: { ...audience, ceilings: [...audience.ceilings, ...tokens.map((token) => new Set(token.audience))] },
      issuedType: "access_token",
      via: "user",
      refreshToken: "begin",
    };
  }

  return {
    async proposeIssued(subjectToken, requester) {
      const verified = await issuers.verify(subjectToken, "subject_token", subjectInvalid);
      const { subject, claims } = verified;
      if (standing.isClient(subject)) {
        throw invalidRequest("SUBJECT_NOT_ALLOWED", "The subject would be taken for a client of the same name.");
      }
      requireActsForIssuer(requester.client, verified.issuer.issuer);
      requireMayAct(claims["may_act"], requester.client, issuer);
      const copied = Object.entries(claims).filter(([name]) => verified.issuer.copiedClaims.includes(name));
      const user: NamedUser = {
        subject,
        former: formerActor(claims, verified.issuer.issuer),
        copiedClaims: Object.fromEntries(copied),
        subjectIssuer: verified.issuer.issuer,
        unsecuredSubject: false,
      };
      return propose(user, requester);
    },

    proposeUnsecured(subjectToken, requester) {
      const { client } = requester;
      if (client.unsecuredSubjects === undefined) {
        throw subjectNotAllowed(`Client '${client.id}' may not use unsecured subject tokens.`);
      }
      const claims = readUnsecuredJwt(subjectToken, toSeconds(clock()), subjectInvalid);
      const subject = claims["sub"];
      if (!isSubject(subject)) throw subjectInvalid("no usable sub");
      if (!standing.mayNameUnsecured(client, subject)) {
        throw subjectNotAllowed(`Client '${client.id}' may not name this subject by an unsecured token.`);
      }
      requireMayAct(claims["may_act"], client, issuer);
      const named = { subject, former: undefined, copiedClaims: {}, subjectIssuer: undefined, unsecuredSubject: true };
      return propose(named, requester);
    },
  };
}

/**
 * A client derived by a rule acts for nobody's users, and a registered one for everybody's, unless the settings name
 * issuers.
 */
function requireActsForIssuer({ id, actForIssuers }: Client, issuer: string): void {
  if (actForIssuers === undefined || actForIssuers.has(issuer)) return;
  throw subjectNotAllowed(`Client '${id}' may not act for users of this issuer. Name it in act_for_issuers.`);
}

/** `may_act` (RFC 8693 section 4.4): the client must match every member. It never grants anything by itself. */
function requireMayAct(mayAct: unknown, client: Client, issuer: string): void {
  if (mayAct === undefined) return;
  const self: JsonObject = { sub: client.id, client_id: client.id, iss: issuer };
  const matchesAll =
    isJsonObject(mayAct) &&
    Object.keys(mayAct).length > 0 &&
    Object.entries(mayAct).every(([name, value]) => Object.hasOwn(self, name) && self[name] === value);
  if (!matchesAll) throw subjectNotAllowed(`The subject token's may_act names another actor than '${client.id}'.`);
}

/** Actors of the trusted issuer stay nested inside ours, marked with its name. */
function formerActor(claims: JsonObject, issuer: string): Actor | undefined {
  const named = actorOf(claims["act"]);
  return named && markedAs(issuer, named);
}

/** Each gets the issuer's name: an `iss` in its claim could name us, or another issuer. */
function markedAs(issuer: string, { sub, act }: Actor): Actor {
  if (!isSubject(sub)) throw subjectInvalid("act names an actor that no token of ours may name");
  return { sub, iss: issuer, ...(act && { act: markedAs(issuer, act) }) };
}

function subjectInvalid(detail: string, cause?: unknown): OAuthError {
  return invalidRequest("SUBJECT_TOKEN_INVALID", `subject_token was refused: ${detail}.`, { cause });
}

function subjectNotAllowed(description: string): OAuthError {
  return invalidRequest("SUBJECT_NOT_ALLOWED", description);
}
