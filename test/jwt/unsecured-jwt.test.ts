import { describe, expect, test } from "vitest";
import { isUnsecuredJwt, readUnsecuredJwt } from "../../src/jwt/unsecured-jwt.js";
import { base64url, signingKey } from "../tokens/signing-key.js";
import vectors from "./vectors/rfc-jws.json" with { type: "json" };
import { SECOND } from "../../src/time/clock.js";

const NOW = 1_800_000_000;
const refuse = (detail: string): Error => new Error(detail);
const read = (token: string, now = NOW) => readUnsecuredJwt(token, now * SECOND, refuse);

function unsecured(claims: unknown, header: unknown = { alg: "none" }): string {
  return `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}.`;
}

describe("an unsecured JWT", () => {
  test("is the one of RFC 7519 section 6.1, while it lives", () => {
    expect(isUnsecuredJwt(vectors.none.token)).toBe(true);
    expect(read(vectors.none.token, 1300819379)).toEqual(vectors.none.claims);
    expect(() => read(vectors.none.token)).toThrow("expired");
  });

  test("needs no exp", () => {
    expect(read(unsecured({ sub: "alice" }))).toEqual({ sub: "alice" });
  });

  test("has its exp and nbf obeyed where it has them, with 30 s of leeway", () => {
    expect(read(unsecured({ sub: "a", exp: NOW - 29 }))).toBeDefined();
    expect(() => read(unsecured({ sub: "a", exp: NOW - 30 }))).toThrow("expired");
    expect(read(unsecured({ sub: "a", nbf: NOW + 30 }))).toBeDefined();
    expect(() => read(unsecured({ sub: "a", nbf: NOW + 31 }))).toThrow("not valid yet");
  });

  test.each([
    ["a text", "2000000000"],
    ["null", null],
    ["a list", [2_000_000_000]],
  ])("with an exp that is %s is refused", (_, exp) => {
    expect(() => read(unsecured({ sub: "a", exp }))).toThrow("finite number");
  });

  test("with an exp beyond all numbers is refused", () => {
    const token = `${base64url('{"alg":"none"}')}.${base64url('{"sub":"a","exp":1e400}')}.`;
    expect(() => read(token)).toThrow("finite number");
  });

  test.each(["None", "NONE", "nOnE", "", "HS256", "ES256"])("with alg '%s' is refused", (alg) => {
    expect(() => read(unsecured({ sub: "a" }, { alg }))).toThrow("no signature");
  });

  test("with a signature is none", () => {
    const token = signingKey().sign({ sub: "a" }, { alg: "none" });
    expect(isUnsecuredJwt(token)).toBe(false);
    expect(() => read(token)).toThrow("not an unsecured JWT");
  });

  test.each([
    ["two parts and no dot", unsecured({ sub: "a" }).slice(0, -1)],
    ["a newline behind it", `${unsecured({ sub: "a" })}\n`],
    ["two final dots", `${unsecured({ sub: "a" })}.`],
    ["crit in its header", unsecured({ sub: "a" }, { alg: "none", crit: ["x"] })],
    ["a member twice", `${base64url('{"alg":"none"}')}.${base64url('{"sub":"a","sub":"b"}')}.`],
    ["claims that are no object", unsecured(["a"])],
    ["more than 16 KiB", unsecured({ sub: "a".repeat(16 * 1024) })],
  ])("with %s is refused", (_, token) => {
    expect(() => read(token)).toThrow();
  });
});
