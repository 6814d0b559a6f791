import { describe, expect, test } from "vitest";
import { createRules, rulePathProblem, unreachableRules } from "../../../src/edge/inbound/rules.js";

const find = createRules([
  { path: "/v1/admin/public", scopes: [] },
  { path: "/v1/admin/*", scopes: ["admin"] },
  { path: "/v1/a%40b", scopes: ["escaped"] },
  { path: "/v1/tables/", scopes: ["slash"] },
]);

describe("the rule of a path", () => {
  test.each([
    ["/v1/admin", ["admin"], "the path itself"],
    ["/v1/admin/", ["admin"], "with a slash"],
    ["/v1/admin/users/7", ["admin"], "below it"],
    ["/v1/administrators", undefined, "a path that only begins alike"],
    ["/v1/admin/public", [], "the first that fits"],
    ["/v1/admin/public/", [], "the first that fits, with a slash"],
    ["/v1/admin/public/x", ["admin"], "not below a path without a wildcard"],
    ["/v1/a@b", ["escaped"], "a rule with an escape, by what it stands for"],
    ["/v1/tables", ["slash"], "a rule that ends with a slash"],
    ["/", undefined, "none"],
    ["/V1/admin", undefined, "case counts"],
  ])("%s: %j (%s)", (path, scopes, _what) => {
    expect(find(path)?.scopes).toEqual(scopes);
  });

  test("`/*` is every path", () => {
    const every = createRules([{ path: "/*", scopes: ["all"] }]);
    for (const path of ["/", "/v1", "/v1/x/"]) expect(every(path)?.scopes).toEqual(["all"]);
  });
});

describe("a rule's path", () => {
  test.each(["/", "/*", "/v1/admin/*", "/v1/admin", "/v1/namespaces/a%1Fb/*"])("may be %s", (path) => {
    expect(rulePathProblem(path)).toBeUndefined();
  });

  test.each([
    ["", "is not a path in normal form"],
    ["v1", "is not a path in normal form"],
    ["/v1//x", "is not a path in normal form"],
    ["/v1/../x/*", "is not a path in normal form"],
    ["/v1/x?y", "is not a path in normal form"],
    ["/v1/*/x", "has a `*` that is not the final `/*`"],
    ["/v1/x*", "has a `*` that is not the final `/*`"],
    ["*", "has a `*` that is not the final `/*`"],
  ])("may not be %j: it %s", (path, problem) => {
    expect(rulePathProblem(path)).toContain(problem);
  });
});

test("a rule behind one that fits all of its paths is never reached", () => {
  const hidden = (...paths: string[]) => unreachableRules(paths.map((path) => ({ path, scopes: [] })));
  expect(hidden("/v1/admin/public", "/v1/admin/*", "/*")).toEqual([]);
  expect(hidden("/v1/admin", "/v1/admin/*", "/v1/administrators")).toEqual([]);
  expect(hidden("/*", "/v1/admin/*", "/v1/x")).toEqual([1, 2]);
  expect(hidden("/v1/a%40b/*", "/v1/a@b/c", "/v1/a@b")).toEqual([1, 2]);
  expect(hidden("/v1/x", "/v1/x/", "/v1/x/*", "/v1/x/*")).toEqual([1, 3]);
});
