/**
 * Exchange of a user's token, with the client as actor. A trusted issuer signed it, or it is unsecured and the client's
 * record allows that.
 */
import type { IssuerTokenVerifier } from "../issuers/trusted-issuer.js";
import { readUnsecuredJwt } from "../jwt/unsecured-jwt.js";
import { type Explanation, type OAuthError, invalidRequest } from "../oauth/error.js";
import { isSubject } from "../oauth/subject.js";
import type { Clock } from "../time/clock.js";
import { actingAs } from "./exchange-delegation.js";
import { type Proposal, type Requester, clientBounds, ruleDigestsOf } from "./grant.js";
import { type NamedUser, requireMayAct, userOf } from "./named-user.js";
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
      const user = userOf(verified, requester.client, {
        standing,
        issuer,
        invalid: subjectInvalid,
        notAllowed: subjectNotAllowed,
      });
      return propose(user, requester);
    },

    proposeUnsecured(subjectToken, requester) {
      const { client } = requester;
      if (client.unsecuredSubjects === undefined) {
        throw subjectNotAllowed(`Client '${client.id}' may not use unsecured subject tokens.`);
      }
      const claims = readUnsecuredJwt(subjectToken, clock(), subjectInvalid);
      const subject = claims["sub"];
      if (!isSubject(subject)) throw subjectInvalid("no usable sub");
      if (!standing.mayNameUnsecured(client, subject)) {
        throw subjectNotAllowed(`Client '${client.id}' may not name this subject by an unsecured token.`);
      }
      requireMayAct(claims["may_act"], client, { issuer, notAllowed: subjectNotAllowed });
      const named = { subject, former: undefined, copiedClaims: {}, subjectIssuer: undefined, unsecuredSubject: true };
      return propose(named, requester);
    },
  };
}

function subjectInvalid(detail: string, more?: Explanation): OAuthError {
  return invalidRequest("SUBJECT_TOKEN_INVALID", `subject_token was refused: ${detail}.`, more && { detail: more });
}

function subjectNotAllowed(description: string): OAuthError {
  return invalidRequest("SUBJECT_NOT_ALLOWED", description);
}
