import { stripVTControlCharacters } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prettyLine } from "../../src/telemetry/pretty-line.js";

const COLOURS = ["\u001B[2m", "\u001B[0m", "\u001B[32m"];
const AT = "2026-01-02T12:34:56.789Z";

describe("a line for a person", () => {
  it("tells time, level, message and fields", () => {
    const line = prettyLine(
      JSON.stringify({ level: "info", time: AT, port: 8181, note: "two words", msg: "listening" }),
    );
    expect(stripVTControlCharacters(line)).toBe('12:34:56.789 info  listening port=8181 note="two words"\n');
  });

  it("tells the event of an audit record", () => {
    const line = prettyLine(JSON.stringify({ level: "info", time: AT, audit: true, event: "revoked", scopes: ["a"] }));
    expect(stripVTControlCharacters(line)).toBe('12:34:56.789 info  audit revoked scopes=["a"]\n');
  });

  it("puts a stack below", () => {
    const line = prettyLine(JSON.stringify({ level: "error", time: AT, msg: "failed", stack: "  at a\n  at b" }));
    expect(stripVTControlCharacters(line).split("\n")).toEqual([
      "12:34:56.789 error failed",
      "    at a",
      "    at b",
      "",
    ]);
  });

  it("lets no value steer the terminal or begin a line", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (msg, value) => {
        const line = prettyLine(JSON.stringify({ level: "info", time: AT, msg, value, nested: { value } }));
        const plain = COLOURS.reduce((text, colour) => text.replaceAll(colour, ""), line);
        expect(plain.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it("leaves what is not JSON as it is", () => {
    expect(prettyLine("plain\n")).toBe("plain\n");
  });
});
