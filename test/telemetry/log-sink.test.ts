import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, it, vi } from "vitest";
import { createLogSink, type LogSinkOptions } from "../../src/telemetry/log-sink.js";

function fileSink(options: Partial<LogSinkOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "icemint-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "log");
  const sink = createLogSink({ fd: openSync(path, "w"), pretty: false, flushMs: 10, ...options });
  return { sink, text: () => readFileSync(path, "utf8") };
}

describe("the log sink", () => {
  it("writes what was collected after a short time", async () => {
    const { sink, text } = fileSink();
    sink.write('{"a":1}\n');
    sink.write('{"a":2}\n');
    await vi.waitFor(() => expect(text()).toBe('{"a":1}\n{"a":2}\n'));
  });

  it("writes many lines at once without waiting for the time", async () => {
    const { sink, text } = fileSink({ flushMs: 60_000 });
    for (let line = 0; line < 10_000; line++) sink.write(`{"line":${line}}\n`);
    await vi.waitFor(() => expect(text().length).toBeGreaterThan(64 * 1024));
  });

  it("leaves nothing behind at the end of the process", () => {
    const { sink, text } = fileSink({ flushMs: 60_000 });
    for (let line = 0; line < 10_000; line++) sink.write(`{"line":${line}}\n`);
    sink.flushSync();
    const lines = text().trimEnd().split("\n");
    expect(lines).toHaveLength(10_000);
    expect(lines.at(-1)).toBe('{"line":9999}');
  });

  it("drops and counts lines when its reader stands still, and goes on", async () => {
    const { sink, text } = fileSink({ maxBytes: 1000 });
    for (let line = 0; line < 100; line++) sink.write(`${"x".repeat(99)}\n`);
    sink.flush();
    expect(sink.dropped()).toBe(100);
    sink.write("later\n");
    await vi.waitFor(() => expect(text()).toBe("later\n"));
  });

  it("writes text instead of JSON for a person, at once", async () => {
    const { sink, text } = fileSink({ pretty: true, flushMs: 60_000 });
    sink.write(
      '{"level":"warn","time":"2026-01-02T12:00:00.000Z","audit":true,"event":"token_refused","client":"a"}\n',
    );
    await vi.waitFor(() => expect(text()).toContain("token_refused"));
    expect(text()).not.toContain("{");
  });
});
