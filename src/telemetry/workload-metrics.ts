/** Counts of workloads' requests by rule. Ten thousand derived clients are one series: no label names one of them. */
import type { Sample } from "./collected-metric.js";
import type { Outcome } from "./request-metrics.js";

/** Rules come and go with the settings. Beyond this many, those that come later share the label `other`. */
const MAX_RULES = 1000;

export function createWorkloadMetrics() {
  const counts = new Map<string, Map<Outcome, number>>();

  return {
    add(rule: string, outcome: Outcome): void {
      const label = counts.has(rule) || counts.size < MAX_RULES ? rule : "other";
      const outcomes = counts.get(label) ?? new Map<Outcome, number>();
      counts.set(label, outcomes);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    },
    samples: (): Sample[] =>
      [...counts].flatMap(([rule, outcomes]) =>
        Array.from(outcomes, ([outcome, value]) => ({ value, labels: { rule, outcome } })),
      ),
  };
}
