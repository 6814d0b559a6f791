/**
 * Counts and durations of requests: plain numbers in arrays, since every request adds to them, read at a scrape.
 * prom-client's own classes hash the labels at every call, which costs more than the rest of the audit.
 */
import type { OAuthErrorCode } from "../oauth/error.js";
import type { GrantType } from "../oauth/grant-type.js";
import type { Transport } from "../oauth/request.js";

/** The grant or endpoint, or `unknown` for a request that was refused too early to tell. */
export type Asked = GrantType | "revoke" | "introspect" | "unknown";

export type Outcome = "ok" | OAuthErrorCode;

/** Upper bounds of the buckets, in seconds: Iceberg's Java client waits 100 ms before its second try. */
export const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

/** Durations of one kind of request. */
export interface Durations {
  /** Requests by bucket, not summed up; the last is beyond all bounds. */
  readonly buckets: readonly number[];
  readonly sumSeconds: number;
}

/** One kind of request: what was asked for, over which transport. */
export interface RequestSeries {
  readonly grant: Asked;
  readonly transport: Transport;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  readonly durations: Durations;
}

export interface RequestMetrics {
  /** Adds a request that has ended; without a duration it is only counted. */
  add(grant: Asked, transport: Transport, outcome: Outcome, durationMs?: number): void;
  series(): Iterable<RequestSeries>;
}

interface Counts extends RequestSeries {
  readonly outcomes: Partial<Record<Outcome, number>>;
  readonly durations: { readonly buckets: number[]; sumSeconds: number };
}

/** At most 7 x 4 series of 11 outcomes: no label ever holds what a caller sent. */
export function createRequestMetrics(): RequestMetrics {
  const table: Partial<Record<Asked, Partial<Record<Transport, Counts>>>> = {};

  function countsOf(grant: Asked, transport: Transport): Counts {
    const row = (table[grant] ??= {});
    return (row[transport] ??= {
      grant,
      transport,
      outcomes: {},
      durations: { buckets: Array.from({ length: BUCKETS.length + 1 }, () => 0), sumSeconds: 0 },
    });
  }

  return {
    add(grant, transport, outcome, durationMs) {
      const { outcomes, durations } = table[grant]?.[transport] ?? countsOf(grant, transport);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (durationMs === undefined) return;
      const seconds = durationMs / 1000;
      const bucket = bucketOf(seconds);
      durations.buckets[bucket] = (durations.buckets[bucket] ?? 0) + 1;
      durations.sumSeconds += seconds;
    },
    *series() {
      for (const row of Object.values(table)) yield* Object.values(row);
    },
  };
}

function bucketOf(seconds: number): number {
  for (let at = 0; at < BUCKETS.length; at++) if (seconds <= (BUCKETS[at] ?? 0)) return at;
  return BUCKETS.length;
}
