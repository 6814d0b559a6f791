import { expect, test } from "vitest";
import { copyClaims } from "../../src/issuers/copied-claims.js";

const claims = {
  email: "a@example.com",
  realm_access: { roles: ["reader", "writer"], other: 1 },
  resource_access: { trino: { roles: ["admin"] }, spark: { roles: [] } },
};

test("what a path reaches stands where it stood, and nothing beside it", () => {
  expect(copyClaims(claims, [["email"], ["realm_access", "roles"]])).toEqual({
    email: "a@example.com",
    realm_access: { roles: ["reader", "writer"] },
  });
  const paths = [
    ["resource_access", "trino", "roles"],
    ["resource_access", "spark", "roles"],
  ];
  expect(copyClaims(claims, paths)).toEqual({ resource_access: claims.resource_access });
});

test("a path beside the whole claim takes nothing from it", () => {
  expect(copyClaims(claims, [["realm_access", "roles"], ["realm_access"]])).toEqual({
    realm_access: claims.realm_access,
  });
});

test("a path that reaches nothing copies nothing, also not through a prototype, a list or a string", () => {
  const paths = [
    ["no"],
    ["email", "length"],
    ["realm_access", "roles", "0"],
    ["realm_access", "no"],
    ["constructor", "name"],
  ];
  expect(copyClaims(claims, [...paths, ["__proto__", "toString"]])).toEqual({});
});

test("copying once more with fewer paths narrows", () => {
  const first = copyClaims(claims, [["realm_access"]]);
  expect(copyClaims(first, [["realm_access", "other"]])).toEqual({ realm_access: { other: 1 } });
});
