import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { grantedAudience, grantedScope } from "../../src/grants/scope-and-audience.js";

const words = fc.uniqueArray(fc.constantFrom<string>("catalog", "a", "b", "c", "PRINCIPAL_ROLE:ALL"));

describe("scope", () => {
  test("omitted is the default, cut to every ceiling", () => {
    const bounds = { fallback: ["a", "b"], ceilings: [new Set(["a", "b"]), new Set(["b"])] };
    expect(grantedScope(undefined, bounds, "c")).toEqual(["b"]);
    expect(grantedScope("", bounds, "c")).toEqual(["b"]);
  });

  test("beyond any ceiling is refused, naming the word and what is allowed", () => {
    const bounds = { fallback: [], ceilings: [new Set(["a", "b"]), new Set(["b"])] };
    expect(() => grantedScope("a b", bounds, "etl")).toThrow(/'etl'.*'a'.*Allowed: 'b'/);
  });

  test("lost since the session began is dropped at a refresh", () => {
    const bounds = { fallback: ["a", "b"], ceilings: [new Set(["a", "b"])], kept: new Set(["b"]) };
    expect(grantedScope("a b", bounds, "c")).toEqual(["b"]);
  });

  test("of Google's cloud, which its libraries add unasked, counts only where it is allowed (grpc-go)", () => {
    const google = "https://www.googleapis.com/auth/cloud-platform";
    const bounds = { fallback: ["a"], ceilings: [new Set(["a", "b"])] };
    expect(grantedScope(google, bounds, "c")).toEqual(["a"]);
    expect(grantedScope(`${google} b`, bounds, "c")).toEqual(["b"]);
    expect(() => grantedScope(`${google} x`, bounds, "c")).toThrow(/'x'/);
    expect(grantedScope(google, { fallback: [], ceilings: [new Set([google])] }, "c")).toEqual([google]);
  });

  test("without a default and without a word is refused", () => {
    expect(() => grantedScope(undefined, { fallback: [], ceilings: [] }, "c")).toThrow(/no default scope/);
  });

  test("never exceeds what was asked for nor any ceiling", () => {
    fc.assert(
      fc.property(words, words, words, words, (asked, fallback, one, two) => {
        const bounds = { fallback, ceilings: [new Set(one), new Set(two)] };
        let granted: readonly string[];
        try {
          granted = grantedScope(asked.join(" "), bounds, "c");
        } catch {
          return;
        }
        const source = asked.length > 0 ? asked : fallback;
        expect(granted.every((word) => source.includes(word) && one.includes(word) && two.includes(word))).toBe(true);
        if (asked.length > 0) expect(granted).toEqual(asked);
      }),
    );
  });
});

describe("audience", () => {
  const bounds = { fallback: ["https://a"], ceilings: [new Set(["https://a", "https://b"])] };

  test("and resource together are granted whole or refused", () => {
    expect(grantedAudience({ audience: ["https://a"], resource: ["https://b"] }, bounds, "c")).toEqual([
      "https://a",
      "https://b",
    ]);
    expect(() => grantedAudience({ audience: ["https://a", "https://c"], resource: [] }, bounds, "c")).toThrow(
      /https:\/\/c/,
    );
  });

  test.each(["not-a-uri", "/relative", "https://a#fragment", "https://a b"])("resource %j is malformed", (resource) => {
    expect(() => grantedAudience({ audience: [], resource: [resource] }, bounds, "c")).toThrow(/absolute URI/);
  });
});
