import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSubject } from "../../src/oauth/subject.js";

describe("what names a subject", () => {
  test.each(["ada", "ada@example.com", "Åda Łovelace", "艾达", "👩", "a".repeat(2048), "a:b/c d"])(
    "may be %j",
    (name) => {
      expect(isSubject(name)).toBe(true);
    },
  );

  test.each([
    ["nothing", ""],
    ["a number", 5],
    ["absent", undefined],
    ["a list", ["ada"]],
    ["too long", "a".repeat(2049)],
    ["a line break", "a\nb"],
    ["a NUL", "a\0"],
    ["U+200B, which nobody sees", "ada\u200B"],
    ["U+202E, which turns the text around", "\u202Eada"],
    ["U+FEFF", "\uFEFFada"],
    ["U+2028", "a\u2028b"],
    ["U+2029", "a\u2029b"],
    ["half a surrogate pair", "a\uD800"],
  ])("may not be %s", (_, name) => {
    expect(isSubject(name)).toBe(false);
  });

  test("holds no character of these kinds, wherever it stands", () => {
    const hidden = fc
      .integer({ min: 0, max: 0x10ffff })
      .map((code) => String.fromCodePoint(code))
      .filter((character) => /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(character));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), hidden, fc.string({ maxLength: 20 }), (a, b, c) => {
        expect(isSubject(a + b + c)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
