/** The operator's log: constant messages with fields. Decisions about requests are in the audit (`events.ts`). */
import { pino } from "pino";
import type { FaultPlace, Log } from "../oauth/log.js";
import type { Clock } from "../time/clock.js";
import type { LogSink } from "./log-sink.js";
import { messageOf, stackOf } from "./audit-record.js";
import { SECRET_MEMBERS, redactSecrets } from "./redact.js";
import { createIsoTime } from "./iso-time.js";

/** From the most verbose. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Named values of one line. An `Error` belongs under `err`: its stack is kept there. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes log lines. The message is constant; variable values go into fields. None of the methods throws. */
export interface Logger extends Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** Written at once. */
  error(message: string, fields?: LogFields): void;
  /** Faults so far. */
  readonly faults: ReadonlyMap<FaultPlace, number>;
}

/** Every place is counted from the start: a rate over a counter that appears with its first fault misses it. */
const PLACES: readonly FaultPlace[] = [
  "request",
  "batch",
  "connection",
  "timer",
  "store",
  "keys",
  "settings",
  "process",
];

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly sink: LogSink;
  readonly clock: Clock;
}

/** Removes tokens and secrets by the name of their field and by their shape. */
export function createLogger({ level, sink, clock }: LoggerOptions): Logger {
  const isoTime = createIsoTime();
  const lines = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${isoTime(clock())}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...SECRET_MEMBERS], censor: "[redacted]" },
    },
    { write: (line: string) => sink.write(redactSecrets(line)) },
  );
  const faults = noFaults();
  const error = (message: string, fields: LogFields = {}): void => {
    lines.error(fields, message);
    sink.flush();
  };
  return {
    debug: (message, fields = {}) => lines.debug(fields, message),
    info: (message, fields = {}) => lines.info(fields, message),
    warn: (message, fields = {}) => lines.warn(fields, message),
    error,
    faults,
    fault(place, fault, requestId) {
      faults.set(place, (faults.get(place) ?? 0) + 1);
      error("an error that nothing expected; the server goes on", {
        place,
        ...(requestId !== undefined && { request_id: requestId }),
        cause: messageOf(fault),
        stack: stackOf(fault),
      });
    },
  };
}

function noFaults(): Map<FaultPlace, number> {
  return new Map(PLACES.map((place) => [place, 0]));
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, fault() {}, faults: noFaults() };
