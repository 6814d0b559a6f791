import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseDuration, spellDuration } from "../../../src/config/reading/duration.js";

test.each([
  ["500ms", 500],
  ["30s", 30_000],
  ["5m", 300_000],
  ["1h", 3_600_000],
  ["30d", 2_592_000_000],
  ["0s", 0],
])("%s is %i milliseconds", (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each([
  "",
  "1",
  "h",
  "1 h",
  "-1s",
  "1.5h",
  "1H",
  "1h30m",
  "1w",
  "+1s",
  "1e3s",
  "9999999999999s",
  "\u0661s",
  "1s\n",
])("%j is no duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test("what is spelt is read as the same", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999_999 }), (milliseconds) => {
      expect(parseDuration(spellDuration(milliseconds))).toBe(milliseconds);
    }),
  );
});

test("a duration is its number times its unit, or nothing", () => {
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom("ms", "s", "m", "h", "d"), (number, unit) => {
      const exact = number * units[unit];
      expect(parseDuration(`${number}${unit}`)).toBe(Number.isSafeInteger(exact) ? exact : undefined);
    }),
  );
});
