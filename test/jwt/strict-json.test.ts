import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StrictJsonError, parseStrictJson } from "../../src/jwt/strict-json.js";

function nested(depth: number, open: string, close: string): string {
  return open.repeat(depth) + close.repeat(depth);
}

describe("strict JSON", () => {
  test("is what JSON.parse gives, for anything that JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), fc.constantFrom(0, 2, "\t", "\n \r"), (json, space) => {
        const text = JSON.stringify(JSON.parse(json), undefined, space);
        expect(parseStrictJson(text)).toEqual(JSON.parse(json));
      }),
    );
  });

  test("accepts nothing that JSON.parse refuses, and refuses it without repeating it", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.json({ maxDepth: 2 }), fc.nat(), (noise, json, at) => {
        const text = json.slice(0, at % (json.length + 1)) + noise + json.slice(at % (json.length + 1));
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(() => parseStrictJson(text)).toThrow(new StrictJsonError("is not JSON"));
          return;
        }
        expect([expected, StrictJsonError]).toContainEqual(outcome(text));
      }),
    );
  });

  test("refuses, wherever it stands, an object with the same member twice", () => {
    fc.assert(
      fc.property(fc.string(), fc.json({ maxDepth: 2 }), fc.json({ maxDepth: 2 }), fc.nat(3), (name, a, b, depth) => {
        const key = JSON.stringify(name);
        const object = `{"first":1, ${key} :${a},"between":[{}],\n${key}\t:${b}}`;
        const text = '[{"x":'.repeat(depth) + object + "}]".repeat(depth);
        expect(() => parseStrictJson(text)).toThrow(StrictJsonError);
      }),
    );
  });

  test.each([
    ["spelt with an escape", String.raw`{"sub":1,"s\u0075b":2}`],
    ["with equal values", '{"a":1,"a":1}'],
    ["named __proto__", '{"__proto__":{},"__proto__":{}}'],
    ["with an empty name", '{"":1,"":2}'],
    ["in an inner object", '{"a":{"b":1,"b":2}}'],
    ["with an escaped quote in its name", String.raw`{"a\"b":1,"a\"b":2}`],
  ])("refuses a member twice %s", (_, text) => {
    expect(() => parseStrictJson(text)).toThrow("has a member twice");
  });

  test.each([
    ["the same name in two objects", '[{"a":1},{"a":2},{"a":{"a":3}}]'],
    ["a value that equals a name", '{"a":"a","b":["a","a"]}'],
    ["names within strings", String.raw`{"a":"{\"a\":1,\"a\":2}"}`],
    ["strings that end in a backslash", String.raw`{"a\\":"\\","b":"\\\\\""}`],
    ["names that differ in case", '{"a":1,"A":2}'],
  ])("accepts %s", (_, text) => {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  // SECURITY.md: "Everything is bounded".
  test("is nested 16 deep at most", () => {
    expect(parseStrictJson(nested(16, "[", "]"))).toBeDefined();
    expect(() => parseStrictJson(nested(17, "[", "]"))).toThrow("deeper than 16");
    expect(() => parseStrictJson(`${'{"a":'.repeat(17)}1${"}".repeat(17)}`)).toThrow("deeper than 16");
    expect(() => parseStrictJson(nested(8000, "[", "]"))).toThrow("deeper than 16");
  });
});

function outcome(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (error) {
    return error instanceof StrictJsonError ? StrictJsonError : error;
  }
}
