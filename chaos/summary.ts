/** Counts what clients suffered in one scenario. */
import { type Call, type Entry, isCall } from "./history.js";

/** What a token is got or kept by without shared state. */
export const STATELESS = ["client_credentials", "exchange"] as const satisfies readonly Call["what"][];
/** What needs Redis. */
export const STATEFUL = ["begin", "refresh_token", "revoke"] as const satisfies readonly Call["what"][];

/** Counts of a group of calls. Milliseconds. */
export interface Counts {
  readonly requests: number;
  /** How many failed, by how. */
  readonly refused: Readonly<Record<string, number>>;
  /** The slowest answer, good or not. */
  readonly slowestMs: number;
  /** The longest time that one client was refused, from the first call that failed to the next good answer. */
  readonly longestOutageMs: number;
}

export interface Summary {
  readonly stateless: Counts;
  readonly stateful: Counts;
  /** Sessions that a client lost for good. */
  readonly lost: number;
  /** Connections that were reset under a request, or could not be opened. */
  readonly resets: number;
}

export function summarise(entries: readonly Entry[]): Summary {
  const calls = entries.filter(isCall);
  const of = (whats: readonly Call["what"][]) => calls.filter(({ what }) => whats.includes(what));
  const [stateless, stateful] = [of(STATELESS), of(STATEFUL)];
  const resets = [...stateless, ...stateful].filter(({ outcome }) => outcome === "reset" || outcome === "unreachable");
  return {
    stateless: countsOf(stateless),
    stateful: countsOf(stateful),
    lost: entries.filter(({ what }) => what === "lost").length,
    resets: resets.length,
  };
}

function countsOf(calls: readonly Call[]): Counts {
  const refused: Record<string, number> = {};
  for (const { outcome } of calls) if (outcome !== "ok") refused[outcome] = (refused[outcome] ?? 0) + 1;
  return {
    requests: calls.length,
    refused,
    slowestMs: Math.max(0, ...calls.map(({ calledAt, answeredAt }) => answeredAt - calledAt)),
    longestOutageMs: Math.max(0, ...[...Map.groupBy(calls, ({ who }) => who).values()].map(longestOutageMs)),
  };
}

/** Of one client; an outage that never ended lasts to its last call. */
function longestOutageMs(calls: readonly Call[]): number {
  let longest = 0;
  let since: number | undefined;
  for (const { outcome, calledAt, answeredAt } of calls.toSorted((a, b) => a.calledAt - b.calledAt)) {
    if (outcome !== "ok") since ??= calledAt;
    if (since !== undefined) longest = Math.max(longest, answeredAt - since);
    if (outcome === "ok") since = undefined;
  }
  return longest;
}

/** How many failed. */
export function refusals({ refused }: Counts): number {
  return Object.values(refused).reduce((sum, count) => sum + count, 0);
}
