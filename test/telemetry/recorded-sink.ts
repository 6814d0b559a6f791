import type { JsonObject } from "../../src/oauth/json.js";
import type { LogSink } from "../../src/telemetry/log-sink.js";

/** A sink that keeps its lines. */
export function recordedSink() {
  const lines: string[] = [];
  let flushes = 0;
  const sink: LogSink = {
    write: (line) => void lines.push(line),
    writeLater: (makeLine) => void lines.push(makeLine()),
    flush: () => void flushes++,
    close: () => Promise.resolve(),
    flushSync: () => {},
    dropped: () => 0,
  };
  return {
    sink,
    lines,
    flushes: () => flushes,
    records: (): JsonObject[] => lines.map((line): JsonObject => JSON.parse(line)),
  };
}
