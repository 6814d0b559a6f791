/**
 * Mints access tokens (RFC 9068), and nothing else does. It writes what an authorization says and knows no grant.
 */
import { Buffer } from "node:buffer";
import type { KeyRing } from "../keys/key-ring.js";
import { type Clock, toSeconds, wholeSecond } from "../time/clock.js";
import { MAX_TOKEN_BYTES, encodedHeader, isOwnToken } from "../oauth/access-token.js";
import { type OAuthError, invalidRequest } from "../oauth/error.js";
import type { RandomId } from "../crypto/random-id.js";
import type { Authorization } from "./authorization.js";
import { endOf } from "./sessions.js";

export interface MintedToken {
  readonly accessToken: string;
  readonly id: string;
  /** Seconds. */
  readonly expiresIn: number;
}

export interface TokenIssuer {
  /**
   * The token expires after the client's `access_ttl` or with the session, whichever comes first. Rejects with
   * `invalid_request` if it would be larger than 8 KiB, `temporarily_unavailable` without a signing key.
   */
  mint(authorization: Authorization): Promise<MintedToken>;
}

export interface TokenIssuerDependencies {
  readonly issuer: string;
  readonly keys: Pick<KeyRing, "signer">;
  readonly clock: Clock;
  readonly randomId: RandomId;
  readonly sessionTtlMs: number;
}

export function createTokenIssuer(dependencies: TokenIssuerDependencies): TokenIssuer {
  const { issuer, keys, clock, randomId, sessionTtlMs } = dependencies;
  return {
    async mint(authorization) {
      const now = wholeSecond(clock());
      const { client, session } = authorization;
      const expiresAt = Math.min(now + client.accessTtlMs, endOf(session, sessionTtlMs));
      const id = randomId();
      const signer = keys.signer();
      if (expiresAt <= now) throw sessionEnded();
      const claims = {
        ...claimsOf(authorization, signer.kid),
        iss: issuer,
        iat: numericDate(now),
        exp: numericDate(expiresAt),
        jti: id,
      };
      const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
      const input = `${encodedHeader(signer)}.${payload}`;
      const accessToken = checked(`${input}.${await signer.sign(input)}`);
      return { accessToken, id, expiresIn: toSeconds(expiresAt - now) };
    },
  };
}

function sessionEnded(): OAuthError {
  return invalidRequest("SESSION_ENDED", "The session has ended. Begin a new one.");
}

function checked(accessToken: string): string {
  if (accessToken.length <= MAX_TOKEN_BYTES) return accessToken;
  throw invalidRequest("SUBJECT_TOKEN_INVALID", "The token would be larger than 8 KiB: too many or too long claims.");
}

/** The claims of RFC 9068 section 2.2 and our own. Ours are written last: no copied or static claim replaces one. */
function claimsOf(authorization: Authorization, kid: string): Record<string, unknown> {
  const { client, subject, actor, scope, audience, session, copiedClaims } = authorization;
  const { subjectIssuer, unsecuredSubject, ruleDigests } = authorization;
  const formerKeys = session.keys.filter((key) => key !== kid);
  const own = isOwnToken({ subject, clientId: client.id, actor });
  const fixed = own ? client.claims : client.userClaims;
  const copied = Object.keys(copiedClaims).filter((name) => !Object.hasOwn(fixed, name));
  return {
    ...copiedClaims,
    ...fixed,
    sub: subject,
    aud: audience.length === 1 ? audience[0] : audience,
    client_id: client.id,
    ...(scope.length > 0 && { scope: scope.join(" ") }),
    ...(session.ancestors.length > 0 && { psid: session.ancestors }),
    ...(formerKeys.length > 0 && { pkid: formerKeys }),
    ...(actor && { act: actor }),
    ...(subjectIssuer !== undefined && { subject_issuer: subjectIssuer }),
    ...(unsecuredSubject && { unsecured_subject: true }),
    ...(ruleDigests.length > 0 && { workload_rules: ruleDigests }),
    ...(copied.length > 0 && { copied_claims: copied }),
    sid: session.id,
    auth_time: numericDate(session.startedAt),
    session_exp: numericDate(session.endsAt),
  };
}

/** Refuses what JSON would write as `null`. */
function numericDate(instant: number): number {
  if (!Number.isFinite(instant)) throw new TypeError("an instant in a token is not a number");
  return toSeconds(instant);
}
