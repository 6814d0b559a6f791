import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as endOfTurn } from "node:timers/promises";
import { describe, expect, onTestFinished, it, vi } from "vitest";
import { createLogSink, type LogSinkOptions } from "../../src/telemetry/log-sink.js";
import { fairNow } from "../support/fair-time.js";

function fileSink(options: Partial<LogSinkOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "icemint-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "log");
  const sink = createLogSink({ fd: openSync(path, "w"), pretty: false, flushMs: 10, ...options });
  return { sink, text: () => readFileSync(path, "utf8") };
}

/** A sink on a pipe that nobody reads; with `O_NONBLOCK`, a full one takes a part of a chunk, or none. */
function stalledSink(mode = 0) {
  const folder = mkdtempSync(join(tmpdir(), "icemint-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  const readOnly = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { readOnly, sink: createLogSink({ fd: openSync(path, constants.O_WRONLY | mode), pretty: false }) };
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

  it("leaves nothing behind at an orderly end, in order", async () => {
    const { sink, text } = fileSink({ flushMs: 60_000 });
    for (let line = 0; line < 10_000; line++) sink.write(`{"line":${line}}\n`);
    await sink.close();
    expect(text()).toBe(Array.from({ length: 10_000 }, (_, line) => `{"line":${line}}\n`).join(""));
  });

  it("keeps every line, in order, though its reader is slow and its memory is filled again and again", async () => {
    const { readOnly, sink } = stalledSink(constants.O_NONBLOCK);
    const lines = Array.from(
      { length: 40_000 },
      (_, line) => `{"line":${line},"padding":"${"x".repeat(line % 97)}"}\n`,
    );
    const all = lines.join("");
    let received = "";
    const part = Buffer.alloc(50_000);
    for (let at = 0; received.length < all.length; at += 500) {
      for (const line of lines.slice(at, at + 500)) sink.write(line);
      try {
        received += part.toString("latin1", 0, readSync(readOnly, part));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      }
      if (at > lines.length) sink.flush();
      await endOfTurn();
    }
    closeSync(readOnly);
    expect(received).toBe(all);
  });

  it("fills no memory again but its own, whatever size Node's pool has", async () => {
    const { poolSize } = Buffer;
    onTestFinished(() => void (Buffer.poolSize = poolSize));
    Buffer.poolSize = 64 * 1024; // as from Node 26.3 on: as large as a chunk of the log
    // A pool of the old size is used up first. Node 26 makes each some bytes larger than it says, to align it.
    while (Buffer.from("x").buffer.byteLength < Buffer.poolSize);
    const { sink } = fileSink();
    const answer = Buffer.from("an answer with a token");
    for (let round = 0; round < 20; round++) {
      sink.write(`${"long".repeat(6000)}\n`);
      for (let line = 0; line < 5000; line++) sink.write(`{"line":${line}}\n`);
      sink.flush();
      await endOfTurn();
    }
    await sink.close();
    expect(answer.toString()).toBe("an answer with a token");
  });

  it("leaves nothing behind at a crash", async () => {
    const { sink, text } = fileSink({ flushMs: 60_000 });
    for (let line = 0; line < 10_000; line++) sink.write(`{"line":${line}}\n`);
    sink.flushSync();
    await vi.waitFor(() => expect(text().trimEnd().split("\n")).toHaveLength(10_000));
  });

  it("ends in time if its reader stands still", async () => {
    const { readOnly, sink } = stalledSink();
    for (let line = 0; line < 10_000; line++) sink.write(`${"x".repeat(99)}\n`);
    const started = fairNow();
    await sink.close();
    expect(fairNow() - started).toBeLessThan(3000);
    closeSync(readOnly);
  });

  it("outlives its reader: what nobody can read is dropped and counted", async () => {
    const { readOnly, sink } = stalledSink();
    closeSync(readOnly);
    sink.write("1\n");
    await sink.close();
    sink.write("2\n");
    await sink.close();
    sink.flushSync();
    expect(sink.dropped()).toBeGreaterThan(0);
  });

  it("keeps lines that are made later in their place", async () => {
    const { sink, text } = fileSink();
    sink.write("1\n");
    sink.writeLater(() => "2\n");
    sink.write("3\n");
    sink.writeLater(() => "4\n");
    await vi.waitFor(() => expect(text()).toBe("1\n2\n3\n4\n"));
  });

  it("makes late lines at the end, and no more than some at once before", async () => {
    const { sink, text } = fileSink({ flushMs: 60_000 });
    let made = 0;
    for (let line = 0; line < 1000; line++) sink.writeLater(() => `{"line":${line},"made":${made++}}\n`);
    expect(made).toBeGreaterThan(800);
    await sink.close();
    const lines = text().trimEnd().split("\n");
    expect(lines).toEqual(Array.from({ length: 1000 }, (_, line) => `{"line":${line},"made":${line}}`));
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
