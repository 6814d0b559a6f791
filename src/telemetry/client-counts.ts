/**
 * Counts by client and one more label, such as the reason of a refusal. A label names a client of the settings and no
 * other: what callers claim to be would be labels without an end.
 */
import type { Sample } from "./collected-metric.js";

/** Who is no client of the settings, derived clients of workload rules among them. No id has a parenthesis. */
const NOT_REGISTERED = "(other)";
/** Series at most. Beyond, clients that come later share a label. */
const MAX_SERIES = 5000;

export function createClientCounts(label: "reason" | "secret", isRegistered: (clientId: string) => boolean) {
  const counts = new Map<string, { readonly client: string; readonly what: string; value: number }>();

  return {
    add(clientId: string | undefined, what: string): void {
      const isKnown = clientId !== undefined && isRegistered(clientId);
      const wanted = `${what} ${isKnown ? clientId : NOT_REGISTERED}`;
      const hasRoom = counts.has(wanted) || counts.size < MAX_SERIES;
      const client = isKnown && hasRoom ? clientId : NOT_REGISTERED;
      const key = `${what} ${client}`;
      const count = counts.get(key) ?? { client, what, value: 0 };
      count.value += 1;
      counts.set(key, count);
    },
    samples: (): Sample[] =>
      Array.from(counts.values(), ({ client, what, value }) => ({ value, labels: { client, [label]: what } })),
  };
}
