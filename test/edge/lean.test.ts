/** What an edge has in place of pino and prom-client. */
import { describe, expect, test } from "vitest";
import { exposition } from "../../src/edge/exposition.js";
import { createLeanLogger } from "../../src/edge/lean-logger.js";
import { recordedSink } from "../telemetry/recorded-sink.js";

describe("the log of an edge", () => {
  const clock = () => Date.UTC(2026, 0, 1);

  test("has the members of the server's lines", () => {
    const { sink, lines } = recordedSink();
    createLeanLogger(sink, clock).warn("no token came", { entry: "lake" });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { level: "warn", time: "2026-01-01T00:00:00.000Z", entry: "lake", msg: "no token came" },
    ]);
  });

  test("shows an error with its stack, and no secret by name or by shape", () => {
    const { sink, lines } = recordedSink();
    const err = new Error("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln");
    createLeanLogger(sink, clock).error("failed", { err, access_token: "secret-by-name" });
    const text = lines.join("");
    expect(text).toContain('"type":"Error"');
    expect(text).toContain("lean.test.ts");
    expect(text).not.toMatch(/eyJhbGci|secret-by-name/);
  });
});

test("a label keeps its quotes, backslashes and line ends", () => {
  const read = () => [{ value: 1.5, labels: { a: 'x"y\\z\n', b: "c" } }, { value: 2 }];
  expect(exposition([{ name: "m", help: "What it is.", type: "gauge", read }])).toBe(
    '# HELP m What it is.\n# TYPE m gauge\nm{a="x\\"y\\\\z\\n",b="c"} 1.5\nm 2\n',
  );
});
