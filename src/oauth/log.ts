/** Where an error that nothing expected was caught. */
export type FaultPlace = "request" | "batch" | "connection" | "timer" | "store" | "keys" | "settings" | "process";

/** Where a part reports what happens to it. The server's logger is one. Nothing secret is ever handed over. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Reports an error that nothing expected, and counts it. The work goes on. */
  fault(place: FaultPlace, error: unknown, requestId?: string): void;
}
