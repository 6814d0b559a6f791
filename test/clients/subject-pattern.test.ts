import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commonPattern, countStars, matchParts, partsOf, subjectWith } from "../../src/clients/subject-pattern.js";

const matches = (pattern: string, subject: string) => matchParts(partsOf(pattern), partsOf(subject));
const common = (one: string, other: string) => commonPattern(partsOf(one), partsOf(other))?.join("");

/** Parts, delimiters and characters that look like them, in any order. */
const subjects = fc.string({
  unit: fc.constantFrom("a", "b", "shop", ":", "/", "*", "-", "@", "%", " ", "\n", "．", "ａ", "é", "A"),
  maxLength: 12,
});
const part = fc.constantFrom("a", "b", "shop", "*", "A");
const delimiter = fc.constantFrom(":", "/");
const patterns = fc
  .tuple(fc.constantFrom("system", "repo"), fc.array(fc.tuple(delimiter, part), { minLength: 1, maxLength: 4 }))
  .map(([first, rest]) => first + rest.flat().join(""));

describe("a pattern", () => {
  test.each([
    ["system:serviceaccount:shop:*", "system:serviceaccount:shop:orders", ["orders"]],
    ["system:serviceaccount:*:*", "system:serviceaccount:shop:orders", ["shop", "orders"]],
    ["repo:acme/*:ref:refs/heads/main", "repo:acme/lake:ref:refs/heads/main", ["lake"]],
    ["repo:acme@12/*:environment:*", "repo:acme@12/lake@34:environment:prod", ["lake@34", "prod"]],
    ["spiffe://example.org/ns/*/sa/*", "spiffe://example.org/ns/shop/sa/orders", ["shop", "orders"]],
    ["exact:subject", "exact:subject", []],
  ])("%s matches %s", (pattern, subject, values) => {
    expect(matches(pattern, subject)).toEqual(values);
  });

  test.each([
    ["an empty part", "system:serviceaccount:shop:"],
    ["a part more", "system:serviceaccount:shop:orders:x"],
    ["a slash in the part", "system:serviceaccount:shop:orders/x"],
    ["a part less", "system:serviceaccount:shop"],
    ["another namespace that begins alike", "system:serviceaccount:shop-2:orders"],
    ["another case", "system:serviceaccount:Shop:orders"],
    ["a line break behind it", "system:serviceaccount:shop:orders\n"],
    ["a line before it", "x\nsystem:serviceaccount:shop:orders"],
    ["a letter that only looks alike", "system:serviceaccount:shоp:orders"],
    ["full-width letters", "system:serviceaccount:shop:ｏrders"],
    ["a full-width delimiter", "system:serviceaccount:shop：orders"],
    ["an escape", "system:serviceaccount:shop:orders%2Fx"],
    ["the name of the same place in a path", "system:serviceaccount:shop:."],
    ["the name of the place above in a path", "system:serviceaccount:shop:.."],
    ["a star", "system:serviceaccount:shop:*"],
    ["a combining mark", "system:serviceaccount:shop:orders\u0301"],
    ["a space", "system:serviceaccount:shop:or ders"],
    ["another delimiter", "system/serviceaccount:shop:orders"],
  ])("does not match %s", (_, subject) => {
    expect(matches("system:serviceaccount:shop:*", subject)).toBeUndefined();
  });

  test("never matches a subject of another depth or with other delimiters", () => {
    const delimiters = (text: string) => text.replaceAll(/[^:/]/g, "");
    fc.assert(
      fc.property(patterns, subjects, (pattern, tail) => {
        const subject = pattern.replace("*", tail);
        if (matches(pattern, subject) !== undefined) expect(delimiters(subject)).toBe(delimiters(pattern));
      }),
    );
  });

  test("is given back by what it matched: no two subjects give the same values", () => {
    fc.assert(
      fc.property(patterns, fc.array(fc.constantFrom("a", "b", "x.y", "_", "~@-")), (pattern, values) => {
        const parts = partsOf(pattern);
        const filled = Array.from({ length: countStars(parts) }, (_, at) => values[at] ?? "z");
        const subject = subjectWith(parts, filled);
        expect(matches(pattern, subject)).toEqual(filled);
      }),
    );
  });
});

describe("two patterns", () => {
  test.each([
    ["a:*", "a:b", "a:b"],
    ["a:*", "a:*", "a:*"],
    ["a:*/x", "a:b/*", "a:b/x"],
    ["a:*", "b:*", undefined],
    ["a:*", "a:*:*", undefined],
    ["a:*", "a:b c", undefined],
  ])("%s and %s have %s in common", (one, other, expected) => {
    expect(common(one, other)).toBe(expected);
    expect(common(other, one)).toBe(expected);
  });

  test("match a subject both, if and only if what they have in common matches it", () => {
    fc.assert(
      fc.property(patterns, patterns, subjects, (one, other, value) => {
        for (const subject of [one, other].map((pattern) => pattern.replaceAll("*", value))) {
          const both = matches(one, subject) !== undefined && matches(other, subject) !== undefined;
          const shared = common(one, other);
          expect(shared !== undefined && matches(shared, subject) !== undefined).toBe(both);
        }
      }),
    );
  });
});
