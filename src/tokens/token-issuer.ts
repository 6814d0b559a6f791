/**
 * The only place where access tokens are made (RFC 9068). Knows nothing of grants: it writes down what an authorization
 * says.
 */
import type { KeyRing } from "../keys/key-ring.js";
import type { Signer } from "../keys/signer.js";
import { type Clock, toSeconds } from "../oauth/clock.js";
import { invalidRequest } from "../oauth/error.js";
import type { RandomId } from "../oauth/random-id.js";
import type { Authorization } from "./authorization.js";
import { endOf } from "./session.js";

/** Longer tokens do not fit the headers that they travel in. */
export const MAX_TOKEN_BYTES = 8 * 1024;

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

/** The protected header of every token that a key signs, encoded. The verifier takes no other. */
export function encodedHeader(key: Pick<Signer, "kid" | "algorithm">): string {
  return Buffer.from(JSON.stringify({ alg: key.algorithm, typ: "at+jwt", kid: key.kid })).toString("base64url");
}

/** Makes the issuer. */
export function createTokenIssuer(dependencies: TokenIssuerDependencies): TokenIssuer {
  const { issuer, keys, clock, randomId, sessionTtlSeconds } = dependencies;
  const headerOf = headerCache();

  return {
    async mint(authorization) {
      const now = toSeconds(clock());
      const expiresAt = Math.min(
        now + authorization.client.accessTtlSeconds,
        endOf(authorization.session, sessionTtlSeconds),
      );
      const id = randomId();
      const claims = claimsOf(authorization, issuer, now, expiresAt, id);
      const signer = keys.signer();
      const input = `${headerOf(signer)}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
      const signature = signer.sign(input);
      const accessToken = `${input}.${typeof signature === "string" ? signature : await signature}`;
      if (accessToken.length > MAX_TOKEN_BYTES) {
        throw invalidRequest(
          "SUBJECT_TOKEN_INVALID",
          "The token would be larger than 8 KiB: too many or too long claims.",
        );
      }
      return { accessToken, id, expiresIn: expiresAt - now };
    },
  };
}

function claimsOf(authorization: Authorization, issuer: string, now: number, expiresAt: number, id: string): object {
  const { client, subject, actor, scope, audience, session, copiedClaims, unsecuredSubject } = authorization;
  return {
    ...copiedClaims,
    ...client.claims,
    iss: issuer,
    sub: subject,
    aud: audience.length === 1 ? audience[0] : audience,
    client_id: client.id,
    ...(scope.length > 0 && { scope: scope.join(" ") }),
    iat: now,
    exp: expiresAt,
    jti: id,
    sid: session.id,
    auth_time: session.startedAt,
    session_exp: session.endsAt,
    ...(session.ancestors.length > 0 && { psid: session.ancestors }),
    ...(actor && { act: actor }),
    ...(unsecuredSubject && { unsecured_subject: true }),
  };
}

/** Headers differ by key only, and keys are few. */
function headerCache(): (signer: Signer) => string {
  let kid = "";
  let header = "";
  return (signer) => {
    if (signer.kid !== kid) {
      kid = signer.kid;
      header = encodedHeader(signer);
    }
    return header;
  };
}
