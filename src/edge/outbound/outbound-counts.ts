/** What the outbound half counts. docs/edge.md lists the metrics. */
import type { CollectedMetric } from "../../telemetry/collected-metric.js";
import { SECOND, type Clock } from "../../time/clock.js";
import type { AskedGrant } from "./local-endpoint.js";
import type { TokenLines } from "./token-lines.js";

interface Counted {
  readonly lines: Pick<TokenLines, "entries" | "combinations">;
  readonly exchanges: { readonly kept: number };
  readonly clock: Clock;
}

export class OutboundCounts {
  readonly #answers = new Map<string, { readonly grant: AskedGrant; readonly outcome: string; value: number }>();
  readonly #failures = new Map<string, number>();

  answered(grant: AskedGrant, outcome: string): void {
    const key = `${grant} ${outcome}`;
    const count = this.#answers.get(key) ?? { grant, outcome, value: 0 };
    count.value += 1;
    this.#answers.set(key, count);
  }

  tokenFailed(token: string): void {
    this.#failures.set(token, (this.#failures.get(token) ?? 0) + 1);
  }

  metrics({ lines, exchanges, clock }: Counted): readonly CollectedMetric[] {
    // A series that begins at 1 shows no increase.
    for (const name of [...lines.entries.map((entry) => entry.name), "other"]) this.#failures.set(name, 0);
    return [
      {
        name: "icemint_edge_requests_total",
        help: "Answers of the local token endpoint, by grant and outcome (ok or the OAuth error).",
        type: "counter",
        read: () =>
          Array.from(this.#answers.values(), ({ grant, outcome, value }) => ({ value, labels: { grant, outcome } })),
      },
      {
        name: "icemint_edge_token_seconds",
        help: "How long the token of an entry lives on; 0 if there is none.",
        type: "gauge",
        read: () =>
          lines.entries.map(({ name, line: { live } }) => ({
            value: live === undefined ? 0 : (live.expiresAt - clock()) / SECOND,
            labels: { token: name },
          })),
      },
      {
        name: "icemint_edge_token_failures_total",
        help: "Attempts to get a token that failed, by entry; other: a combination that no entry has.",
        type: "counter",
        read: () => Array.from(this.#failures, ([token, value]) => ({ value, labels: { token } })),
      },
      {
        name: "icemint_edge_combinations",
        help: "Tokens held for combinations that no entry has.",
        type: "gauge",
        read: () => [{ value: lines.combinations }],
      },
      {
        name: "icemint_edge_exchanges",
        help: "Users' exchanges whose answers are kept.",
        type: "gauge",
        read: () => [{ value: exchanges.kept }],
      },
    ];
  }
}
