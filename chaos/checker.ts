/**
 * Reads a history and checks what is promised about shared state, whatever breaks:
 *
 * 1. never two live refresh tokens of one family outside the grace window;
 * 2. never an accepted refresh after its revocation was acknowledged, beyond the stated staleness;
 * 3. never a 200 to a revocation that was not stored: each is in force on every replica in the end, and watchers saw it.
 *
 * A revocation reaches the other replicas through Redis, so the time that Redis was away does not count as staleness.
 */
import { type Call, type Entry, isCall } from "./history.js";

/** What a history may show at most, in milliseconds. */
export interface Limits {
  readonly graceMs: number;
  readonly stalenessMs: number;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Every broken promise, in words; none is as it should be. */
export function breachesOf(entries: readonly Entry[], limits: Limits): readonly string[] {
  const calls = entries.filter(isCall).toSorted((a, b) => a.answeredAt - b.answeredAt);
  const away = entries
    .filter(({ what }) => what === "redis_away")
    .map((at) => ({ from: at.calledAt, to: at.answeredAt }));
  return [
    ...familyBreaches(calls, limits.graceMs),
    ...acceptedAfterRevocation(calls, away, limits.stalenessMs),
    ...notInForce(calls),
    ...notWatched(calls),
  ];
}

function* familyBreaches(calls: readonly Call[], graceMs: number): Generator<string> {
  /** When each generation was first handed out. */
  const firstOf = new Map<string, number>();
  /** The newest generation of each family whose answer had arrived, by time of the answer. */
  const newestOf = new Map<string, { readonly at: number; readonly successor: number }[]>();
  for (const { what, outcome, family, presented, successor, calledAt, answeredAt } of calls) {
    if (what !== "refresh_token" && what !== "reuse") continue;
    if (outcome !== "ok" || family === undefined || presented === undefined || successor === undefined) continue;
    const name = `family ${family}`;
    if (successor !== presented + 1) yield `${name}: generation ${presented} was followed by ${successor}`;
    const handedOut = `${family} ${successor}`;
    const first = firstOf.get(handedOut) ?? answeredAt;
    firstOf.set(handedOut, first);
    if (calledAt > first + graceMs) yield `${name}: generation ${presented} was good after the grace window`;
    const newest = newestOf.get(family) ?? [];
    if (newest.some((other) => other.at < calledAt && other.successor > successor)) {
      yield `${name}: generation ${presented} was good although a later one had been used`;
    }
    newestOf.set(family, [...newest, { at: answeredAt, successor }]);
  }
}

function* acceptedAfterRevocation(
  calls: readonly Call[],
  away: readonly Span[],
  stalenessMs: number,
): Generator<string> {
  const deadSince = deathsOf(calls);
  for (const { who, what, outcome, session, calledAt } of calls) {
    const isUse = what === "refresh_token" || what === "reuse" || what === "probe";
    if (!isUse || outcome !== "ok" || session === undefined) continue;
    const revokedAt = deadSince.get(session);
    if (revokedAt === undefined) continue;
    const knowableMs = calledAt - revokedAt - overlapMs({ from: revokedAt, to: calledAt }, away);
    if (knowableMs > stalenessMs) {
      yield `session ${session}: ${what} by ${who} accepted ${Math.round(calledAt - revokedAt)} ms after its revocation`;
    }
  }
}

function* notInForce(calls: readonly Call[]): Generator<string> {
  const looks = Map.groupBy(
    calls.filter(({ what }) => what === "final"),
    ({ session }) => session,
  );
  for (const session of acknowledged(calls)) {
    const seen = looks.get(session) ?? [];
    if (seen.length === 0) yield `session ${session}: nobody looked in the end whether its revocation is in force`;
    for (const { who, outcome } of seen) {
      if (outcome === "ok") yield `session ${session}: its acknowledged revocation is not in force at ${who}`;
      else if (outcome !== "inactive") yield `session ${session}: the last look at ${who} failed: ${outcome}`;
    }
  }
}

function* notWatched(calls: readonly Call[]): Generator<string> {
  const watchers = new Set(calls.filter(({ what }) => what === "watched").map(({ who }) => who));
  for (const watcher of watchers) {
    const seen = new Set(
      calls.filter(({ what, who }) => what === "watched" && who === watcher).map(({ session }) => session),
    );
    for (const session of acknowledged(calls)) {
      if (!seen.has(session)) yield `session ${session}: its revocation never reached ${watcher}`;
    }
  }
}

/** When each session's end was first acknowledged: by a 200 to its revocation, or by the refusal of a reused token. */
function deathsOf(calls: readonly Call[]): ReadonlyMap<string, number> {
  const deaths = new Map<string, number>();
  for (const { what, outcome, session, answeredAt } of calls) {
    const died = (what === "revoke" && outcome === "ok") || (what === "reuse" && outcome === "400");
    if (died && session !== undefined && !deaths.has(session)) deaths.set(session, answeredAt);
  }
  return deaths;
}

function acknowledged(calls: readonly Call[]): ReadonlySet<string> {
  return new Set(
    calls.flatMap(({ what, outcome, session }) =>
      what === "revoke" && outcome === "ok" && session !== undefined ? [session] : [],
    ),
  );
}

function overlapMs(span: Span, others: readonly Span[]): number {
  return others.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(span.to, to) - Math.max(span.from, from)), 0);
}
