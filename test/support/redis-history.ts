/**
 * What clients of several replicas saw while Redis was broken, and the rules that it must obey. Instants in
 * milliseconds, by one process's monotonic clock: when a call was made, and when it was answered.
 */

/** One answered call. Calls that failed are not recorded: nothing is promised about them. */
export type Observation = { readonly calledAt: number; readonly answeredAt: number } & (
  | { readonly what: "granted"; readonly family: string; readonly presented: number; readonly successor: number }
  | { readonly what: "family_revoked"; readonly family: string }
  | { readonly what: "session_revoked"; readonly sessionId: string }
  | { readonly what: "session_accepted"; readonly sessionId: string }
);

/** What a history may show at most. */
export interface HistoryLimits {
  readonly graceMs: number;
  /** How old another replica's view may be. */
  readonly stalenessMs: number;
}

/** Every breach of the rules, in words; none is as it should be. */
export function breachesOf(history: readonly Observation[], limits: HistoryLimits): readonly string[] {
  const ordered = history.toSorted((a, b) => a.answeredAt - b.answeredAt);
  return [...familyBreaches(ordered, limits.graceMs), ...sessionBreaches(ordered, limits.stalenessMs)];
}

function* familyBreaches(ordered: readonly Observation[], graceMs: number): Generator<string> {
  const revokedAt = new Map<string, number>();
  const firstGrantOf = new Map<string, number>();
  const newestAt = new Map<string, { successor: number; answeredAt: number }[]>();
  for (const seen of ordered) {
    if (seen.what === "family_revoked" && !revokedAt.has(seen.family)) revokedAt.set(seen.family, seen.answeredAt);
    if (seen.what !== "granted") continue;
    const { family, successor, presented, calledAt, answeredAt } = seen;
    const deadSince = revokedAt.get(family);
    if (deadSince !== undefined && calledAt > deadSince) yield `${family}: granted after its revocation was answered`;
    if (successor !== presented + 1) yield `${family}: ${presented} was followed by ${successor}`;
    const first = firstGrantOf.get(`${family} ${successor}`) ?? answeredAt;
    firstGrantOf.set(`${family} ${successor}`, first);
    if (calledAt > first + graceMs) yield `${family}: ${presented} was granted again after the grace window`;
    const before = newestAt.get(family) ?? [];
    if (before.some((other) => other.answeredAt < calledAt && other.successor > successor)) {
      yield `${family}: ${presented} was granted although a later generation had been`;
    }
    newestAt.set(family, [...before, { successor, answeredAt }]);
  }
}

function* sessionBreaches(ordered: readonly Observation[], stalenessMs: number): Generator<string> {
  const revokedAt = new Map<string, number>();
  for (const seen of ordered) {
    if (seen.what === "session_revoked") revokedAt.set(seen.sessionId, seen.answeredAt);
  }
  for (const seen of ordered) {
    if (seen.what !== "session_accepted") continue;
    const deadSince = revokedAt.get(seen.sessionId);
    if (deadSince !== undefined && seen.calledAt > deadSince + stalenessMs) {
      yield `${seen.sessionId}: accepted ${seen.calledAt - deadSince} ms after its revocation was answered`;
    }
  }
}
