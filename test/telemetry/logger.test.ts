import { describe, expect, it } from "vitest";
import { createLogger } from "../../src/telemetry/logger.js";
import { recordedSink } from "./recorded-sink.js";

const NOON = Date.UTC(2026, 0, 2, 12);

function logger(level: "debug" | "info" | "warn" | "error") {
  const recorded = recordedSink();
  return { ...recorded, log: createLogger({ level, sink: recorded.sink, clock: () => NOON }) };
}

describe("the logger", () => {
  it("writes one line of JSON with level, time, fields and message", () => {
    const { log, lines, records } = logger("info");
    log.info("listening", { port: 8181 });
    expect(lines[0]).toMatch(/^[^\n]+\n$/);
    expect(records()).toEqual([{ level: "info", time: "2026-01-02T12:00:00.000Z", port: 8181, msg: "listening" }]);
  });

  it("writes what is at least as bad as its level", () => {
    const { log, records } = logger("warn");
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    expect(records().map(({ msg }) => msg)).toEqual(["c", "d"]);
  });

  it("takes out secrets by the name of their field", () => {
    const { log, lines } = logger("info");
    log.info("odd", { clientSecret: "hunter2", request: { refresh_token: "hunter3", grant: "x" }, token: "hunter4" });
    expect(lines[0]).not.toContain("hunter");
    expect(lines[0]).toContain('"grant":"x"');
  });

  it("takes out tokens by their shape, wherever they stand", () => {
    const { log, lines } = logger("info");
    log.info("odd eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", { note: "icm_0123456789abcdef" });
    log.error("failed", { err: new Error("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.x") });
    expect(lines.join("")).not.toMatch(/eyJ|icm_/);
  });

  it("keeps the stack of an error", () => {
    const { log, records } = logger("info");
    log.error("failed", { err: new TypeError("no such method") });
    expect(records()[0]?.["err"]).toMatchObject({ type: "TypeError", message: "no such method" });
  });

  it("hands errors on at once", () => {
    const { log, flushes } = logger("info");
    log.info("a");
    expect(flushes()).toBe(0);
    log.error("b");
    expect(flushes()).toBe(1);
  });

  it("does not fail for fields that refer to themselves", () => {
    const { log, records } = logger("info");
    const ring: Record<string, unknown> = {};
    ring["self"] = ring;
    log.info("odd", { ring });
    expect(records()).toHaveLength(1);
  });
});
