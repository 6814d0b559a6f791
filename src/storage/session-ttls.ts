/**
 * When the last session ends that any replica may have begun. Replicas may have different `session_ttl`s while the
 * setting changes, so each announces its own. `revocations/lifetime.ts` says how long a revocation lasts.
 */
import { DAY, SECOND } from "../time/clock.js";

/** The `session_ttl`s in use: for each, until when sessions of that length may begin. */
export type SessionTtls = ReadonlyMap<number, number>;

/** An announcement holds for this long. It is repeated after half of that. */
export const ANNOUNCED_MS = DAY;

/** The longest that the settings allow. */
export const MAX_SESSION_TTL_MS = 365 * DAY;

/** Not-before instants are stamped up to 2 s ahead, and replicas' clocks differ: sessions end that much later. */
const SLACK_MS = 5 * SECOND;

/** When the last session that has begun by `now` can end. `own` is the setting of this replica. */
export function lastSessionEnd(ttls: SessionTtls, own: number, now: number): number {
  const ends = [...ttls].map(([ttl, until]) => Math.min(until, now) + ttl);
  return Math.max(now + own, ...ends) + SLACK_MS;
}

/** Whether a replica has to announce its own again. */
export function isAnnouncementDue(ttls: SessionTtls, own: number, now: number): boolean {
  return (ttls.get(own) ?? 0) < now + ANNOUNCED_MS / 2;
}

/** The `session_ttl`s of which no session is left. */
export function outlived(ttls: SessionTtls, now: number): readonly number[] {
  return [...ttls].filter(([ttl, until]) => until + ttl + SLACK_MS < now).map(([ttl]) => ttl);
}
