/**
 * How long a revocation lasts: until nothing that it bars can be alive. A revocation that names no session and no token
 * lasts until `lastSessionEnd` of the log (`storage/session-ttls.ts`): the end of the last session that any replica may
 * have begun.
 */
import { type AccessToken, isOwnToken } from "../oauth/access-token.js";
import { SECOND, wholeSecond } from "../time/clock.js";

/**
 * The end of a token's lineage. A user's session bounds every session that grows from it. A client's own session does
 * not: its tokens begin users' sessions up to its last moment, each of full length.
 */
export function lineageEnd(
  token: Pick<AccessToken, "subject" | "clientId" | "actor" | "session">,
  now: number,
  lastSessionEnd: number,
): number {
  const { endsAt } = token.session;
  return isOwnToken(token) ? lastSessionEnd - Math.max(0, wholeSecond(now) - endsAt) : endsAt;
}

/** The end of the session that a refresh family belongs to, rounded up: the log holds whole seconds. */
export function familySessionEnd(family: { readonly endsAt: number }): number {
  return Math.ceil(family.endsAt / SECOND) * SECOND;
}
