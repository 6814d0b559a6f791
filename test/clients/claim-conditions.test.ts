import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { areDisjoint, unmetCondition } from "../../src/clients/claim-conditions.js";
import type { JsonObject } from "../../src/oauth/json.js";

const parsed = (text: string): JsonObject => JSON.parse(text);

describe("conditions on claims", () => {
  test.each<[string, JsonObject, JsonObject]>([
    ["a value", { owner: "1" }, { owner: "1", more: true }],
    ["a leaf, whatever else the object has", { k: { ns: "shop" } }, { k: { ns: "shop", pod: { name: "x" } } }],
    ["any of a list", { owner: ["1", "2"] }, { owner: "2" }],
    ["a boolean", { verified: true }, { verified: true }],
    ["a number", { id: 7 }, { id: 7 }],
    ["nothing", {}, { a: 1 }],
  ])("are met by %s", (_, conditions, claims) => {
    expect(unmetCondition(conditions, claims)).toBeUndefined();
  });

  test.each<[string, JsonObject, JsonObject, string]>([
    ["is absent", { owner: "1" }, {}, "owner"],
    ["has another type", { owner: "1" }, { owner: 1 }, "owner"],
    ["is a string where a boolean belongs", { verified: true }, { verified: "true" }, "verified"],
    ["is a list that holds the value", { owner: "1" }, { owner: ["1"] }, "owner"],
    ["is a list as the condition is", { owner: ["1"] }, { owner: ["1"] }, "owner"],
    ["differs in case", { owner: "Acme" }, { owner: "acme" }, "owner"],
    ["is an object where a value belongs", { owner: "1" }, { owner: { id: "1" } }, "owner"],
    ["is a value where an object belongs", { k: { ns: "shop" } }, { k: "shop" }, "k"],
    ["is a list of objects", { k: { ns: "shop" } }, { k: [{ ns: "shop" }] }, "k"],
    ["is null", { owner: "1" }, { owner: null }, "owner"],
    ["differs in a leaf", { k: { ns: "shop", sa: "a" } }, { k: { ns: "shop", sa: "b" } }, "k.sa"],
    ["is only inherited", { constructor: "x" }, {}, "constructor"],
    ["is a prototype's", { toString: { name: "toString" } }, {}, "toString"],
    ["is a number beyond what is exact", { id: 9007199254740992 }, parsed('{"id":9007199254740993}'), "id"],
  ])("are not met by a claim that %s", (_, conditions, claims, unmet) => {
    expect(unmetCondition(conditions, claims)).toBe(unmet);
  });
});

test("conditions that are disjoint are never met together", () => {
  const leaf = fc.oneof(fc.constantFrom("a", "b", 1, true), fc.array(fc.constantFrom("a", "b", 1), { minLength: 1 }));
  const conditions = fc.dictionary(
    fc.constantFrom("x", "y"),
    fc.oneof(leaf, fc.dictionary(fc.constantFrom("p", "q"), leaf, { minKeys: 1 })),
  );
  const claims = fc.dictionary(
    fc.constantFrom("x", "y"),
    fc.oneof(fc.constantFrom("a", "b", 1, true), fc.dictionary(fc.constantFrom("p", "q"), fc.constantFrom("a", 1))),
  );
  fc.assert(
    fc.property(conditions, conditions, claims, (one, other, token) => {
      const both = [one, other].every((each) => unmetCondition(each, token) === undefined);
      if (areDisjoint(one, other)) expect(both).toBe(false);
      expect(areDisjoint(one, other)).toBe(areDisjoint(other, one));
    }),
  );
});
