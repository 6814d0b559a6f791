import type { CollectedMetric } from "../telemetry/collected-metric.js";

/** Something that `/readyz` shows: a token, or a view of the server. */
export interface Holding {
  readonly name: string;
  /** `degraded` still serves. */
  readonly state: "ok" | "degraded" | "failing";
  /** For a person. Holds no token. */
  readonly detail: string;
}

/** One half of an edge, outbound or inbound, while it runs. */
export interface EdgePart {
  /** Where it listens, for the start text, by name. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Must not wait for anything. */
  readonly holdings: () => readonly Holding[];
  readonly metrics: readonly CollectedMetric[];
  /** Accepts no new connection, and resolves when the requests in flight are answered or the time is up. */
  readonly drain: (graceMs: number) => Promise<void>;
  /** Ends everything. Nothing is left running. */
  readonly close: () => Promise<void>;
}
