import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalPath } from "../../../src/edge/inbound/normal-path.js";

describe("a path in normal form", () => {
  test.each([
    ["/", "/"],
    ["/v1/config", "/v1/config"],
    ["/v1/config?warehouse=lake/../x", "/v1/config"],
    ["/v1/namespaces/", "/v1/namespaces/"],
    ["/v1/namespaces/a%1Fb/tables", "/v1/namespaces/a\x1Fb/tables"],
    ["/v1/namespaces/Kund%C3%A9", "/v1/namespaces/Kundé"],
    ["/v1/a%40b", "/v1/a@b"],
    ["/v1/100%25", "/v1/100%"],
    ["/icemint.v1.TokenService/GetToken", "/icemint.v1.TokenService/GetToken"],
    ["/v1/...", "/v1/..."],
    ["/v1/.hidden/a.b", "/v1/.hidden/a.b"],
  ])("%s is compared as %j", (target, path) => {
    expect(normalPath(target)).toBe(path);
  });

  test.each([
    ["", "nothing"],
    ["v1/config", "no slash at its start"],
    ["*", "the target of OPTIONS"],
    ["http://catalog/v1/config", "a whole URL"],
    ["//v1/config", "two slashes"],
    ["/v1//config", "two slashes inside"],
    ["/v1/./config", "a dot segment"],
    ["/v1/x/../admin", "a double-dot segment"],
    ["/v1/..", "a double-dot segment at its end"],
    ["/v1/.", "a dot segment at its end"],
    ["/v1/admin;x=y/users", "a path parameter"],
    ["/v1/%61dmin", "an escaped letter"],
    ["/v1/%2e%2e/admin", "escaped dots"],
    ["/v1/%2E%2E/admin", "escaped dots in upper case"],
    ["/v1/admin%2Fusers", "an escaped slash"],
    ["/v1/admin%5Cusers", "an escaped backslash"],
    ["/v1\\admin", "a backslash"],
    ["/v1/a%1fb", "an escape with lower-case digits"],
    ["/v1/admin%00", "NUL"],
    ["/v1/%252E%252E/admin", "an escape of an escape"],
    ["/v1/%", "half an escape"],
    ["/v1/%zz", "no escape"],
    ["/v1/%C0%AFadmin", "an overlong slash"],
    ["/v1/a b", "a space"],
    ["/v1/admin#x", "a fragment"],
    ["/v1/Kundé", "a letter that is not ASCII"],
    ["/v1/a\tb", "a control character"],
  ])("is not %j: %s", (target) => {
    expect(normalPath(target)).toBeUndefined();
  });

  test("is what a URL parser makes of it, too, and has no two spellings", () => {
    const piece = fc.constantFrom(
      "/",
      "a",
      "Z",
      "0",
      ".",
      "..",
      "-",
      "_",
      "~",
      ":",
      "@",
      ";",
      "%2F",
      "%41",
      "%1F",
      "%c3",
      "%C3%A9",
      "%25",
      "2E",
    );
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const target = `/${pieces.join("")}`;
        const path = normalPath(target);
        if (path === undefined) return;
        expect(new URL(target, "http://host").pathname).toBe(target);
        expect(path.split("/").length).toBe(target.split("/").length);
        expect(seen.get(path) ?? target).toBe(target);
        seen.set(path, target);
      }),
      { numRuns: 3000 },
    );
    expect(seen.size).toBeGreaterThan(100);
  });
});
