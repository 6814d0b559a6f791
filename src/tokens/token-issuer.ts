/**
 * The only place where access tokens are made (RFC 9068). Knows nothing of grants: it writes down what an authorization
 * says.
 */
import type { KeyRing } from "../keys/key-ring.js";
import type { Signer } from "../keys/signer.js";
import { type Clock, toSeconds } from "../time/clock.js";
import { isOwnToken, type Session } from "../oauth/access-token.js";
import { type OAuthError, invalidRequest } from "../oauth/error.js";
import type { RandomId } from "../crypto/random-id.js";
import type { Scope } from "../oauth/scope.js";
import type { Authorization, TokenClient } from "./authorization.js";
import { endOf } from "./sessions.js";
import { MAX_TOKEN_BYTES, encoded, encodedHeader } from "./own-jwt.js";

/** A minted token. Instants in seconds. */
export interface MintedToken {
  readonly accessToken: string;
  readonly id: string;
  readonly expiresIn: number;
}

/** Mints access tokens. */
export interface TokenIssuer {
  /**
   * Mints the token of an authorization: it expires after the client's `access_ttl` or with the session, whichever is
   * first. Throws `invalid_request` if it would be larger than 8 KiB, `temporarily_unavailable` without a signing key.
   */
  mint(authorization: Authorization): Promise<MintedToken>;
}

/** What the issuer works with. */
export interface TokenIssuerDependencies {
  readonly issuer: string;
  readonly keys: Pick<KeyRing, "signer">;
  readonly clock: Clock;
  readonly randomId: RandomId;
  readonly sessionTtlSeconds: number;
}

/** Makes the issuer. */
export function createTokenIssuer(dependencies: TokenIssuerDependencies): TokenIssuer {
  const { issuer, keys, clock, randomId, sessionTtlSeconds } = dependencies;
  const beginningOf = beginnings(issuer);

  return {
    async mint(authorization) {
      const now = toSeconds(clock());
      const { client, session } = authorization;
      const expiresAt = Math.min(now + client.accessTtlSeconds, endOf(session, sessionTtlSeconds));
      const id = randomId();
      const signer = keys.signer();
      const input = beginningOf(signer, authorization) + encoded(ending(session, now, expiresAt, id));
      if (expiresAt <= now) throw sessionEnded();
      const accessToken = checked(`${input}.${await signer.sign(input)}`);
      return { accessToken, id, expiresIn: expiresAt - now };
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

/** The claims that differ from token to token, as the end of the JSON object. */
function ending(session: Session, now: number, expiresAt: number, id: string): string {
  return (
    `,"iat":${instant(now)},"exp":${instant(expiresAt)},"jti":${quoted(id)},"sid":${quoted(session.id)},` +
    `"auth_time":${instant(session.startedAt)},"session_exp":${instant(session.endsAt)}}`
  );
}

/** Our own ids need no escaping. Anything else gets it: no id can add a claim. */
const PLAIN_ID = /^[A-Za-z0-9_-]*$/;

function quoted(id: string): string {
  return PLAIN_ID.test(id) ? `"${id}"` : JSON.stringify(id);
}

function instant(seconds: number): number {
  if (!Number.isFinite(seconds)) throw new TypeError("an instant in a token is not a number");
  return seconds;
}

/** The claims that an authorization fixes, as the beginning of the JSON object: without its last brace. */
function beginning(authorization: Authorization, issuer: string, kid: string): string {
  const { client, subject, actor, scope, audience, session, copiedClaims } = authorization;
  const { subjectIssuer, unsecuredSubject, ruleDigests } = authorization;
  const formerKeys = session.keys.filter((key) => key !== kid);
  const own = isOwnToken({ subject, clientId: client.id, actor });
  const fixed = own ? client.claims : client.userClaims;
  const copied = Object.keys(copiedClaims).filter((name) => !Object.hasOwn(fixed, name));
  const claims = {
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
  return JSON.stringify(claims).slice(0, -1);
}

/** What was encoded last for a client's own tokens, and for what. */
interface Prepared {
  readonly kid: string;
  readonly scope: Scope;
  readonly audience: readonly string[];
  readonly text: string;
}

/**
 * Header and beginning, encoded. A client that asks for the same again and again, which is what clients do, finds them
 * prepared: only the ending is then left to write. Records are replaced whole when settings change, and what was
 * prepared for them goes with them.
 */
function beginnings(issuer: string): (signer: Signer, authorization: Authorization) => string {
  const preparedFor = new WeakMap<TokenClient, Prepared>();

  function prepare(signer: Signer, authorization: Authorization): string {
    const text = beginning(authorization, issuer, signer.kid);
    // A whole number of three bytes encodes without regard to what follows: JSON takes spaces before the comma.
    const padding = " ".repeat((3 - (Buffer.byteLength(text) % 3)) % 3);
    return `${encodedHeader(signer)}.${encoded(text + padding)}`;
  }

  return (signer, authorization) => {
    const { client, scope, audience } = authorization;
    if (!isRepeatable(authorization, signer.kid)) return prepare(signer, authorization);
    const known = preparedFor.get(client);
    if (known?.kid === signer.kid && same(known.scope, scope) && same(known.audience, audience)) return known.text;
    const text = prepare(signer, authorization);
    preparedFor.set(client, { kid: signer.kid, scope, audience, text });
    return text;
  };
}

/** Whether nothing but scope and audience can differ from one token of the client to the next. */
function isRepeatable({ client, subject, actor, session }: Authorization, kid: string): boolean {
  const isOwn = isOwnToken({ subject, clientId: client.id, actor });
  return isOwn && session.ancestors.length === 0 && session.keys.every((key) => key === kid);
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every((word, at) => word === other[at]));
}
