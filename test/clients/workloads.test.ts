import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clientSet, findClient } from "../../src/clients/client-registry.js";
import { ruleDigest } from "../../src/clients/workload-rule.js";
import { IDP, client } from "../support/core.js";
import { workloadRule } from "../support/workload-rule.js";

const ORDERS = "system:serviceaccount:shop:orders";
const match = (set: ReturnType<typeof clientSet>, subject = ORDERS, claims = {}, issuer = IDP) =>
  set.workloads.match({ issuer, subject, claims });

describe("a workload rule", () => {
  test("gives each workload that it matches a client of its own, with one record", () => {
    const set = clientSet([], [workloadRule({}, { scopes: { allowed: new Set(["a"]), default: ["a"] } })]);
    const { client: orders, rules } = match(set);
    expect(rules).toEqual(["shop"]);
    expect(orders).toMatchObject({ id: "shop/orders", scopes: { default: ["a"] }, workload: { rule: "shop" } });
    expect(findClient(set, "shop/orders")).toBe(orders);
    expect(match(set, "system:serviceaccount:shop:pay").client?.scopes).toBe(orders?.scopes);
  });

  test("finds the client of an id that it never saw, and none that it would not derive", () => {
    const set = clientSet([], [workloadRule({ subject: "a:*/*", prefix: "x/" })]);
    expect(findClient(set, "x/b/c")).toMatchObject({ id: "x/b/c" });
    for (const id of ["x/", "x/b", "x/b/", "x//c", "x/b/c/d", "x/b:c/d", "X/b/c", "x/é/c", `x/b/${"c".repeat(256)}`]) {
      expect(findClient(set, id)).toBeUndefined();
    }
  });

  test("matches no token of another issuer, also not one whose name differs by a slash or in case", () => {
    const set = clientSet([], [workloadRule()]);
    for (const issuer of [`${IDP}/`, IDP.toUpperCase(), `${IDP}.evil.example`, "", `${IDP} `]) {
      expect(match(set, ORDERS, {}, issuer)).toEqual({ client: undefined, rules: [] });
    }
  });

  test("does not match what it excepts, whose derived id is nobody's", () => {
    const set = clientSet([], [workloadRule({ except: [ORDERS] })]);
    expect(match(set).client).toBeUndefined();
    expect(findClient(set, "shop/orders")).toBeUndefined();
    expect(match(set, "system:serviceaccount:shop:pay").client?.id).toBe("shop/pay");
  });

  test("does not match what a registered client has, a disabled one too", () => {
    const owner = client("orders-api", { federated: [{ issuer: IDP, subject: ORDERS }], disabled: true });
    const set = clientSet([owner], [workloadRule()]);
    expect(match(set).client).toBeUndefined();
    expect(findClient(set, "shop/orders")).toBeUndefined();
  });

  test("does not match a token that another rule matches too", () => {
    const other = workloadRule({ name: "all", subject: "system:serviceaccount:*:*", prefix: "all/" });
    const set = clientSet([], [workloadRule(), other]);
    expect(match(set)).toEqual({ client: undefined, rules: ["shop", "all"] });
    expect(match(set, "system:serviceaccount:web:orders").client?.id).toBe("all/web/orders");
  });

  test("tells equal names of two issuers apart by their conditions and ids alone", () => {
    const one = workloadRule({ name: "one", issuer: "https://one", prefix: "one/" });
    const two = workloadRule({ name: "two", issuer: "https://two", prefix: "two/" });
    const set = clientSet([], [one, two]);
    expect(match(set, ORDERS, {}, "https://one").client?.id).toBe("one/orders");
    expect(match(set, ORDERS, {}, "https://two").client?.id).toBe("two/orders");
  });

  test("gives no id over 255 characters", () => {
    const set = clientSet([], [workloadRule()]);
    const named = (length: number) => match(set, `system:serviceaccount:shop:${"a".repeat(length)}`).client?.id.length;
    expect(named(250)).toBe(255);
    expect(named(251)).toBeUndefined();
  });

  test("keeps the clients of ten thousand workloads, and no more than fit", () => {
    const set = clientSet([], [workloadRule()]);
    const first = findClient(set, "shop/w0");
    for (let at = 0; at < 10_000; at++) findClient(set, `shop/w${at}`);
    expect(findClient(set, "shop/w0")).toBe(first);
    for (let at = 0; at < 40_000; at++) findClient(set, `shop/x${at}`);
    expect(findClient(set, "shop/w0")).not.toBe(first);
    expect(findClient(set, "shop/w0")).toEqual(first);
  });

  test("never gives two subjects one id, nor a subject another's by a new name", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "-", ".", "~", "@", ":", "/", "%", "é", "*"), maxLength: 6 });
    const set = clientSet([], [workloadRule({ subject: "ns:*:sa:*", prefix: "w/" })]);
    fc.assert(
      fc.property(name, name, name, name, (a, b, c, d) => {
        const [one, other] = [`ns:${a}:sa:${b}`, `ns:${c}:sa:${d}`];
        const ids = [match(set, one).client?.id, match(set, other).client?.id];
        if (ids[0] !== undefined && one !== other) expect(ids[0]).not.toBe(ids[1]);
        for (const id of ids) if (id !== undefined) expect(findClient(set, id)?.id).toBe(id);
      }),
    );
  });
});

describe("a rule's digest", () => {
  test("is the same for the same match, in whatever order it is written", () => {
    const one = workloadRule({ claims: { a: { x: 1, y: [1, 2] }, b: true }, except: ["p", "q"] });
    const other = workloadRule({ name: "renamed", claims: { b: true, a: { y: [1, 2], x: 1 } }, except: ["q", "p"] });
    expect(ruleDigest(one)).toBe(ruleDigest(other));
  });

  test.each([
    { issuer: "https://other" },
    { subject: "system:serviceaccount:shop:orders" },
    { claims: { a: "1" } },
    { except: ["x"] },
    { prefix: "other/" },
  ])("is another one with %o", (changes) => {
    expect(ruleDigest(workloadRule(changes))).not.toBe(ruleDigest(workloadRule()));
  });
});
