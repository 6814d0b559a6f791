import type { CollectedMetric } from "../../telemetry/collected-metric.js";
import type { Asker } from "./doors.js";
import type { Verdict } from "./judge.js";
import type { RefusalFault } from "./refusal.js";

export interface VerdictCounts {
  count(asker: Asker, verdict: Verdict): void;
  readonly metric: CollectedMetric;
}

/** Every series begins at 0: a rate over one that appears with its first refusal misses it. */
const FAULTS: Readonly<Record<RefusalFault, true>> = {
  missing: true,
  not_ours: true,
  expired: true,
  revoked: true,
  audience: true,
  scope: true,
  not_ready: true,
  stale: true,
  closed: true,
  path: true,
  alias: true,
  internal: true,
};
const VERDICTS = ["allowed", ...Object.keys(FAULTS)];

const zeros = (): Map<string, number> => new Map(VERDICTS.map((verdict) => [verdict, 0]));

export function createVerdictCounts(): VerdictCounts {
  const counts: Readonly<Record<Asker, Map<string, number>>> = { ext_authz: zeros(), forward_auth: zeros() };
  return {
    count(asker, verdict) {
      const name = verdict.allowed ? "allowed" : verdict.refusal.fault;
      counts[asker].set(name, (counts[asker].get(name) ?? 0) + 1);
    },
    metric: {
      name: "icemint_edge_verdicts_total",
      help: "Requests that were judged, by who asked and why one was refused (or allowed).",
      type: "counter",
      read: () =>
        Object.entries(counts).flatMap(([asker, verdicts]) =>
          Array.from(verdicts, ([verdict, value]) => ({ value, labels: { asker, verdict } })),
        ),
    },
  };
}
