/** Sessions: where they begin and end. Pure; instants in seconds. */
import type { Session } from "../oauth/access-token.js";

/** At most this many ancestors: one that did not fit could not be revoked. */
export const MAX_ANCESTORS = 8;

/** What a new session is made from. */
export interface SessionBeginning {
  readonly id: string;
  readonly now: number;
  readonly ttlSeconds: number;
  /** Not-before instant in force for the subject, client or actors, or 0. */
  readonly notBefore: number;
  /** Sessions of the tokens by means of which it begins, and theirs. */
  readonly ancestors: readonly string[];
  /** Keys that signed those tokens, and what they grew from. */
  readonly keys: readonly string[];
  /** The end of the subject's own session, if the subject was a token of ours. */
  readonly noLaterThan?: number | undefined;
}

/**
 * Begins a session. While a not-before instant has not passed, the session is dated just after it, so that the
 * revocation that named it does not catch sessions begun later.
 */
export function beginSession(beginning: SessionBeginning): Session {
  const { id, now, ttlSeconds, notBefore, ancestors, keys, noLaterThan = Infinity } = beginning;
  const startedAt = now > notBefore ? now : notBefore + 1;
  const distinct = ancestors.length < 2 ? ancestors : [...new Set(ancestors)];
  return { id, startedAt, endsAt: Math.min(now + ttlSeconds, noLaterThan), ancestors: distinct, keys };
}

/** When a session ends: the earlier of the end that it was given and what the present setting allows. */
export function endOf(session: Session, ttlSeconds: number): number {
  return Math.min(session.endsAt, session.startedAt + ttlSeconds);
}

/**
 * Whether a refresh gains too little to be worth an answer: the session's end would cut the new token to less than a
 * quarter of a life beyond the present one. Refusing it at once leaves Java time for its six tries and its fallback.
 */
export function isEnding(end: number, now: number, presentExpiry: number, accessTtlSeconds: number): boolean {
  const cut = end < now + accessTtlSeconds;
  return cut && end < Math.max(presentExpiry, now) + accessTtlSeconds / 4;
}

/** A session and its ancestors: the lineage that a session begun by its means inherits. */
export function lineageOf(session: Session): readonly string[] {
  return [session.id, ...session.ancestors];
}
