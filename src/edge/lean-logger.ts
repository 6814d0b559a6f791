/** The log of an edge: the same lines as the server's, without pino, whose code is 7 MiB of an idle process. */
import { createIsoTime } from "../telemetry/iso-time.js";
import type { LogSink } from "../telemetry/log-sink.js";
import type { LogFields, Logger } from "../telemetry/logger.js";
import { redactSecrets, SECRET_MEMBERS } from "../telemetry/redact.js";
import type { Clock } from "../time/clock.js";

type Level = "info" | "warn" | "error";

/** What an edge needs of a logger. */
export type EdgeLogger = Pick<Logger, "debug" | "info" | "warn" | "error">;

/** Level `info`. */
export function createLeanLogger(sink: LogSink, clock: Clock): EdgeLogger {
  const isoTime = createIsoTime();
  function write(level: Level, msg: string, fields: LogFields = {}): void {
    const shown = Object.entries(fields).map(([name, value]) => [name, shownAs(name, value)]);
    const line = { level, time: isoTime(clock()), ...Object.fromEntries(shown), msg };
    sink.write(redactSecrets(`${JSON.stringify(line)}\n`));
  }
  return {
    debug() {},
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error(message, fields) {
      write("error", message, fields);
      sink.flush();
    },
  };
}

function shownAs(name: string, value: unknown): unknown {
  if (SECRET_MEMBERS.some((member) => member === name)) return "[redacted]";
  if (!(value instanceof Error)) return value;
  return { type: value.name, message: value.message, stack: value.stack };
}
