/**
 * Owns how long a revocation lasts. Replicas may have different `session_ttl`s while the setting changes. Each
 * announces its own, and a revocation lasts as long as a session of any of them could. Pure; in seconds.
 */

const DAY_SECONDS = 24 * 60 * 60;

/** The `session_ttl`s in use: for each, until when sessions of that length may begin. */
export type SessionTtls = ReadonlyMap<number, number>;

/** An announcement holds for this long. It is repeated after half of that. */
export const ANNOUNCED_SECONDS = DAY_SECONDS;

/** The longest that the settings allow. */
export const MAX_SESSION_TTL_SECONDS = 365 * DAY_SECONDS;

/** Not-before instants are stamped up to 2 s ahead, and replicas' clocks differ: sessions end that much later. */
const SLACK_SECONDS = 5;

/** When the last session that has begun by `now` can end. `own` is the setting of this replica. */
export function lastSessionEnd(ttls: SessionTtls, own: number, now: number): number {
  const ends = [...ttls].map(([ttl, until]) => Math.min(until, now) + ttl);
  return Math.max(now + own, ...ends) + SLACK_SECONDS;
}

/** Whether a replica has to announce its own again. */
export function isAnnouncementDue(ttls: SessionTtls, own: number, now: number): boolean {
  return (ttls.get(own) ?? 0) < now + ANNOUNCED_SECONDS / 2;
}

/** Those of which no session is left. */
export function outlived(ttls: SessionTtls, now: number): readonly number[] {
  return [...ttls].filter(([ttl, until]) => until + ttl + SLACK_SECONDS < now).map(([ttl]) => ttl);
}
