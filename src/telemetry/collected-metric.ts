import type { Metric } from "prom-client";

/** One line of the exposition. */
export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Where it differs from the metric's name, as for the parts of a histogram. */
  readonly metricName?: string;
}

/** A metric whose samples are made when they are read. */
export interface CollectedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly read: () => Sample[];
}

/**
 * Shapes a metric for prom-client's registry, which asks nothing of it but a name and `get()`; its type wants the whole
 * class, whose own counting would cost more per request than ours.
 */
export function collected({ name, help, type, read }: CollectedMetric): Metric {
  const metric = { name, help, type, get: () => Promise.resolve({ name, help, type, values: readOrNothing(read) }) };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return metric as unknown as Metric;
}

/** A part that cannot tell its number costs its own samples, not the whole scrape. */
function readOrNothing(read: () => Sample[]): Sample[] {
  try {
    return read();
  } catch {
    return [];
  }
}
