/**
 * Sessions: where they begin and end. A session is dated past any not-before revocation, and lists the sessions that it
 * grew from.
 */
import type { KeyRing } from "../keys/key-ring.js";
import { type AccessToken, type Actor, type Session, actingClients } from "../oauth/access-token.js";
import { type Clock, SECOND, wholeSecond } from "../time/clock.js";
import { OAuthError, invalidRequest } from "../oauth/error.js";
import type { RandomId } from "../crypto/random-id.js";
import type { RevocationView } from "../oauth/revocation.js";

/** The most ancestors. Every ancestor must be listed: one that is not could not be revoked. */
export const MAX_ANCESTORS = 8;

/** The basis of a new session. */
export interface NewSession {
  readonly subject: string;
  readonly clientId: string;
  readonly actor: Actor | undefined;
  /** Our tokens that the request presents: Bearer, actor and subject. */
  readonly means: readonly AccessToken[];
  /** The subject's token, if it is ours: the session ends no later than its. */
  readonly within?: AccessToken;
  /** A shorter life than `session_ttl`. */
  readonly atMostMs?: number;
}

export interface Sessions {
  /**
   * Throws `invalid_request` if there are too many ancestors, or if the session of a presented token has ended.
   */
  begin(session: NewSession): Session;
  /** The session of a refreshed token, with the key of the former token added. */
  continued(token: AccessToken): Session;
  /** Whether the session ends too soon for a refresh. */
  isEnding(token: AccessToken, accessTtlMs: number): boolean;
  /** Whether a session has ended by the present settings. */
  hasEnded(session: Session): boolean;
  /** Throws `temporarily_unavailable` if the replica's view of revocations is too old to trust a token. */
  requireFreshRevocations(): void;
}

export interface SessionsDependencies {
  /** The clock that replicas share (`Storage.now`): it stamps not-before revocations. */
  readonly clock: Clock;
  readonly keys: Pick<KeyRing, "stateOf">;
  readonly randomId: RandomId;
  readonly revocations: RevocationView;
  readonly sessionTtlMs: number;
  readonly maxStalenessMs: number;
}

const NONE: readonly string[] = [];

function lineageOfAll(tokens: readonly AccessToken[]): readonly string[] {
  return [...new Set(tokens.flatMap((token) => lineageOf(token.session)))];
}

/**
 * The keys that signed tokens and their ancestors. A key that the ring has forgotten is left out: nobody can revoke it.
 */
function keysOfAll(tokens: readonly AccessToken[], keys: Pick<KeyRing, "stateOf">): readonly string[] {
  const kids = new Set(tokens.flatMap((token) => [token.kid, ...token.session.keys]));
  return [...kids].filter((kid) => keys.stateOf(kid) !== undefined);
}

export function createSessions(dependencies: SessionsDependencies): Sessions {
  const { clock, keys, randomId, revocations, sessionTtlMs, maxStalenessMs } = dependencies;
  const hasEnded = (session: Session): boolean => endOf(session, sessionTtlMs) <= clock();
  return {
    begin({ subject, clientId, actor, means, within, atMostMs = Infinity }) {
      if (means.some((token) => hasEnded(token.session))) {
        throw invalidRequest("SESSION_ENDED", "The session of a token that was presented has ended. Begin a new one.");
      }
      const ancestors = means.length === 0 ? NONE : lineageOfAll(means);
      if (ancestors.length > MAX_ANCESTORS) {
        throw invalidRequest(
          "DELEGATION_TOO_DEEP",
          `The session would grow from more than ${MAX_ANCESTORS} others. Exchange an earlier token of the chain.`,
        );
      }
      return beginSession({
        id: randomId(),
        now: wholeSecond(clock()),
        ttlMs: Math.min(sessionTtlMs, atMostMs),
        notBefore: revocations.notBefore(subject, clientId, actingClients(actor)),
        ancestors,
        keys: means.length === 0 ? NONE : keysOfAll(means, keys),
        noLaterThan: within && endOf(within.session, sessionTtlMs),
      });
    },
    continued: (token) => ({
      ...token.session,
      keys: token.session.keys.length === 0 ? [token.kid] : keysOfAll([token], keys),
    }),
    isEnding: ({ session, expiresAt }, accessTtlMs) =>
      isEnding(endOf(session, sessionTtlMs), wholeSecond(clock()), expiresAt, accessTtlMs),
    hasEnded,
    requireFreshRevocations() {
      if (revocations.ageMs() > maxStalenessMs) {
        throw new OAuthError(
          "temporarily_unavailable",
          "STATE_UNAVAILABLE",
          "Revocations could not be read for too long to trust a token. Use the client's own credentials, or try again.",
        );
      }
    },
  };
}

/** The values of a new session. */
export interface SessionBeginning {
  readonly id: string;
  /** At a whole second. */
  readonly now: number;
  readonly ttlMs: number;
  /** Not-before instant in force for the subject, client or actors, or 0. */
  readonly notBefore: number;
  /** The sessions of the presented tokens, and their ancestors. */
  readonly ancestors: readonly string[];
  /** The keys that signed those tokens and their ancestors. */
  readonly keys: readonly string[];
  /** The end of the subject's own session, if the subject was a token of ours. */
  readonly noLaterThan?: number | undefined;
}

/**
 * A session is dated after any not-before instant, even one that is still ahead. The revocation then does not cover
 * sessions that begin after it.
 */
export function beginSession(beginning: SessionBeginning): Session {
  const { id, now, ttlMs, notBefore, ancestors, keys, noLaterThan = Infinity } = beginning;
  const startedAt = now > notBefore ? now : notBefore + SECOND;
  const distinct = ancestors.length < 2 ? ancestors : [...new Set(ancestors)];
  return { id, startedAt, endsAt: Math.min(now + ttlMs, noLaterThan), ancestors: distinct, keys };
}

/** The end of a session: its own end, or an earlier one by the present `session_ttl`. */
export function endOf(session: Session, ttlMs: number): number {
  return Math.min(session.endsAt, session.startedAt + ttlMs);
}

/**
 * Whether a refresh gains too little: the session's end would cut the new token to less than a quarter of a life beyond
 * the present one. An early refusal leaves Java time for its six tries and its fallback.
 */
export function isEnding(end: number, now: number, presentExpiry: number, accessTtlMs: number): boolean {
  const cut = end < now + accessTtlMs;
  return cut && end < Math.max(presentExpiry, now) + accessTtlMs / 4;
}

/** A session and its ancestors. A session that grows from it inherits them all. */
export function lineageOf(session: Session): readonly string[] {
  return [session.id, ...session.ancestors];
}
