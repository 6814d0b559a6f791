/** What holds for every rule and every token, found by trying many. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clientSet, findClient } from "../../src/clients/client-registry.js";
import { countStars, partsOf } from "../../src/clients/subject-pattern.js";
import type { WorkloadIdentity, WorkloadRule } from "../../src/clients/workload-rule.js";
import type { JsonObject } from "../../src/oauth/json.js";
import { workloadRule } from "../support/workload-rule.js";

/** Names that differ by little, and names that are made of what delimiters are made of. */
const name = fc.constantFrom(
  "shop",
  "shop2",
  "Shop",
  "orders",
  "a",
  "*",
  "a:b",
  "a/b",
  "",
  "ｓhop",
  "shop\u0301",
  "%2F",
);
/** Names that a `*` may match. */
const plain = fc.constantFrom("shop", "Shop", "shop2", "orders", "a");
const issuer = fc.constantFrom(
  "https://one.example",
  "https://one.example/",
  "https://one.example.evil",
  "HTTPS://one.example",
);
const delimiter = fc.constantFrom(":", "/");
const part = fc.constantFrom("shop", "Shop", "orders", "a", "*");
const pattern = fc
  .array(fc.tuple(delimiter, part), { minLength: 1, maxLength: 4 })
  .map((rest) => `system${rest.flat().join("")}`);
const value = fc.constantFrom<JsonObject[string]>("shop", "Shop", "1", 1, true, "true", ["shop"], null);
const claims = fc.dictionary(
  fc.constantFrom("ns", "owner", "__proto__", "constructor"),
  fc.oneof(value, fc.dictionary(fc.constantFrom("namespace", "toString"), value)),
  { maxKeys: 2 },
);

/** A token that is near to a rule: the rule's subject, each `*` replaced by a name. */
const ruleAndToken = fc
  .record({
    pattern,
    issuer,
    claims,
    names: fc.array(name, { minLength: 4, maxLength: 4 }),
    other: issuer,
    given: claims,
  })
  .map(({ pattern: subject, names, other, given, ...match }) => {
    const left = [...names];
    const identity = { issuer: other, subject: subject.replaceAll("*", () => left.shift() ?? "z"), claims: given };
    return { rule: workloadRule({ ...match, subject }), identity };
  });

const RUNS = { numRuns: 2000 };

function clientOf(rule: WorkloadRule, identity: WorkloadIdentity): string | undefined {
  return clientSet([], [rule]).workloads.match(identity).client?.id;
}

/** A rule with changes, its template as the settings would make it. */
function changed(rule: WorkloadRule, changes: Partial<WorkloadRule>): WorkloadRule {
  const { template: _, ...match } = { ...rule, ...changes };
  return workloadRule(match);
}

describe("a rule", () => {
  test("matches no token of another issuer", () => {
    fc.assert(
      fc.property(ruleAndToken, ({ rule, identity }) => {
        if (clientOf(rule, identity) !== undefined) expect(identity.issuer).toBe(rule.issuer);
      }),
      RUNS,
    );
  });

  test("matches no token of another depth", () => {
    fc.assert(
      fc.property(ruleAndToken, ({ rule, identity }) => {
        const token = { ...identity, issuer: rule.issuer, claims: rule.claims };
        if (clientOf(rule, token) !== undefined) {
          expect(partsOf(token.subject)).toHaveLength(partsOf(rule.subject).length);
        }
      }),
      RUNS,
    );
  });

  test("of another name or client_id matches neither more nor fewer tokens, and has no client of the former", () => {
    fc.assert(
      fc.property(ruleAndToken, ({ rule, identity }) => {
        const token = { ...identity, issuer: rule.issuer };
        const before = clientOf(rule, token);
        const renamed = changed(rule, { name: "renamed", prefix: "renamed/" });
        const after = clientOf(renamed, token);
        expect(after === undefined).toBe(before === undefined);
        if (before !== undefined) expect(findClient(clientSet([], [renamed]), before)).toBeUndefined();
      }),
      RUNS,
    );
  });

  test("that is narrowed, by a condition, an exception or a name in a * 's place, never matches more", () => {
    fc.assert(
      fc.property(ruleAndToken, claims, plain, ({ rule, identity }, more, literal) => {
        const token = { ...identity, issuer: rule.issuer };
        const narrower = [
          changed(rule, { claims: { ...more, ...rule.claims } }),
          changed(rule, { except: [token.subject] }),
          changed(rule, { subject: rule.subject.replace("*", () => literal) }),
        ];
        for (const narrow of narrower) {
          if (clientOf(narrow, token) !== undefined) expect(clientOf(rule, token)).toBeDefined();
        }
        expect(clientOf(changed(rule, { except: [token.subject] }), token)).toBeUndefined();
      }),
      RUNS,
    );
  });

  test("that narrows leaves no digest as it was, so that what began under the wider one is not refreshed", () => {
    fc.assert(
      fc.property(ruleAndToken, name, ({ rule, identity }, literal) => {
        const narrow = changed(rule, { subject: rule.subject.replace("*", () => literal), except: [identity.subject] });
        expect(narrow.template.workload?.digest).not.toBe(rule.template.workload?.digest);
      }),
      RUNS,
    );
  });

  test("matches some of these tokens: the properties are not true of nothing", () => {
    const sample = fc.sample(ruleAndToken, { numRuns: 2000, seed: 1 });
    const matching = sample.filter(({ rule, identity }) =>
      clientOf({ ...rule, claims: {} }, { ...identity, issuer: rule.issuer }),
    );
    expect(matching.length).toBeGreaterThan(200);
    expect(matching.some(({ rule }) => countStars(partsOf(rule.subject)) > 1)).toBe(true);
  });
});
