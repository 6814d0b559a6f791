/** What must hold, and what `--check` refuses. */
import type { Measured } from "./measure.js";

/** A limit of one workload against another. */
export interface Limit {
  readonly id: string;
  readonly against: string;
  /** The most CPU for each request, as a multiple of the other's. */
  readonly cpuRatio: number;
}

/** Budgets that were measured to hold; `--check` allows a third more, for machines that others use as well. */
export const LIMITS: readonly Limit[] = [
  { id: "form-memory", against: "form-floor", cpuRatio: 0.8 },
  { id: "exchange-memory", against: "exchange-floor", cpuRatio: 0.9 },
  { id: "grpc", against: "grpc-js", cpuRatio: 1 },
];

const MARGIN = 4 / 3;

/** A sentence for each limit that does not hold. */
export function broken(results: readonly Measured[], limits: readonly Limit[] = LIMITS): readonly string[] {
  const cpu = new Map(results.map(({ id, cpuMicroseconds }) => [id, cpuMicroseconds.median]));
  return limits.flatMap(({ id, against, cpuRatio }) => {
    const ratio = (cpu.get(id) ?? Number.NaN) / (cpu.get(against) ?? Number.NaN);
    if (ratio <= cpuRatio * MARGIN) return [];
    return [
      `${id} takes ${ratio.toFixed(2)} x the CPU of ${against}; the limit is ${cpuRatio}, and a third more in a check`,
    ];
  });
}
