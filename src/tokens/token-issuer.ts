/**
 * Mints access tokens (RFC 9068), and nothing else does. It writes what an authorization says and knows no grant.
 */
import { Buffer } from "node:buffer";
import type { KeyRing } from "../keys/key-ring.js";
import type { Signer } from "../keys/signer.js";
import { type Clock, toSeconds, wholeSecond } from "../time/clock.js";
import { MAX_TOKEN_BYTES, encodedHeader, isOwnToken, type Session } from "../oauth/access-token.js";
import { type OAuthError, invalidRequest } from "../oauth/error.js";
import type { RandomId } from "../crypto/random-id.js";
import type { Authorization, TokenClient } from "./authorization.js";
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
  const beginningOf = beginnings(issuer);
  return {
    async mint(authorization) {
      const now = wholeSecond(clock());
      const { client, session } = authorization;
      const expiresAt = Math.min(now + client.accessTtlMs, endOf(session, sessionTtlMs));
      const id = randomId();
      const signer = keys.signer();
      if (expiresAt <= now) throw sessionEnded();
      const input = beginningOf(authorization, signer) + encoded(ending(session, now, expiresAt, id));
      const accessToken = checked(`${input}.${await signer.sign(input)}`);
      return { accessToken, id, expiresIn: toSeconds(expiresAt - now) };
    },
  };
}

function encoded(text: string): string {
  return Buffer.from(text).toString("base64url");
}

function sessionEnded(): OAuthError {
  return invalidRequest("SESSION_ENDED", "The session has ended. Begin a new one.");
}

function checked(accessToken: string): string {
  if (accessToken.length <= MAX_TOKEN_BYTES) return accessToken;
  throw invalidRequest("SUBJECT_TOKEN_INVALID", "The token would be larger than 8 KiB: too many or too long claims.");
}

/** The claims that differ from token to token, as the end of a JSON object. */
function ending(session: Session, issuedAt: number, expiresAt: number, id: string): string {
  const claims = {
    iat: numericDate(issuedAt),
    exp: numericDate(expiresAt),
    jti: id,
    sid: session.id,
    auth_time: numericDate(session.startedAt),
    session_exp: numericDate(session.endsAt),
  };
  return `,${JSON.stringify(claims).slice(1)}`;
}

/** Refuses what JSON would write as `null`. */
function numericDate(instant: number): number {
  if (!Number.isFinite(instant)) throw new TypeError("an instant in a token is not a number");
  return toSeconds(instant);
}

interface Beginning {
  readonly kid: string;
  readonly scope: readonly string[];
  readonly audience: readonly string[];
  readonly text: string;
}

/**
 * The header and the claims that an authorization fixes, encoded. The own tokens of a client have the same beginning while
 * it asks for the same, so that is kept for its record: 5 % of a form request's CPU. A record that changes is another.
 */
function beginnings(issuer: string): (authorization: Authorization, signer: Signer) => string {
  const kept = new WeakMap<TokenClient, Beginning>();

  function beginning(authorization: Authorization, signer: Signer): string {
    const claims = JSON.stringify(fixedClaims(authorization, issuer, signer.kid)).slice(0, -1);
    // Base64 of a whole number of three bytes ends where they end. JSON allows spaces before the comma that follows.
    const padding = " ".repeat((3 - (Buffer.byteLength(claims) % 3)) % 3);
    return `${encodedHeader(signer)}.${encoded(claims + padding)}`;
  }

  return (authorization, signer) => {
    if (!isPlain(authorization)) return beginning(authorization, signer);
    const { client, scope, audience } = authorization;
    const { kid } = signer;
    const last = kept.get(client);
    if (last?.kid === kid && areSame(last.scope, scope) && areSame(last.audience, audience)) return last.text;
    const text = beginning(authorization, signer);
    kept.set(client, { kid, scope, audience, text });
    return text;
  };
}

/** Whether client, scope and audience say all that its beginning says. */
function isPlain(authorization: Authorization): boolean {
  const { client, subject, actor, session, copiedClaims, subjectIssuer, unsecuredSubject, ruleDigests } = authorization;
  const isOwn = isOwnToken({ subject, clientId: client.id, actor }) && subjectIssuer === undefined && !unsecuredSubject;
  const lists = [session.ancestors, session.keys, ruleDigests, Object.keys(copiedClaims)];
  return isOwn && lists.every(({ length }) => length === 0);
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, at) => text === b[at]);
}

/** The claims of RFC 9068 section 2.2 and our own. Ours are written last: no copied or static claim replaces one. */
function fixedClaims(authorization: Authorization, issuer: string, kid: string): Record<string, unknown> {
  const { client, subject, actor, scope, audience, session, copiedClaims } = authorization;
  const { subjectIssuer, unsecuredSubject, ruleDigests } = authorization;
  const formerKeys = session.keys.filter((key) => key !== kid);
  const own = isOwnToken({ subject, clientId: client.id, actor });
  const fixed = own ? client.claims : client.userClaims;
  const copied = Object.keys(copiedClaims).filter((name) => !Object.hasOwn(fixed, name));
  return {
    ...copiedClaims,
    ...fixed,
    iss: issuer,
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
  };
}
