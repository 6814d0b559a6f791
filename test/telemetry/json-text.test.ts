import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonString, jsonStrings } from "../../src/telemetry/json-text.js";

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.string({
    unit: fc.constantFrom('"', "\\", "\n", "\u001B", "\u0085", "\u2028", "\u202E", "\uD800", "é", "😀", "a"),
  }),
);

describe("JSON text of a log line", () => {
  it("reads back as what was written", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(JSON.parse(jsonString(text))).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.array(anyText), (texts) => {
        expect(JSON.parse(jsonStrings(texts))).toEqual(texts);
      }),
    );
  });

  it("holds nothing that a terminal or an editor would obey", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(jsonString(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
  });

  it("is cut, however long the text is", () => {
    expect(jsonString("x".repeat(100_000)).length).toBeLessThan(1100);
    expect(jsonString("x".repeat(1024))).toBe(`"${"x".repeat(1024)}"`);
  });

  it("leaves letters of any language readable", () => {
    expect(jsonString("jörg 管理")).toBe('"jörg 管理"');
  });
});
