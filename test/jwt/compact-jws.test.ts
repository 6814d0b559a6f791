import { describe, expect, test } from "vitest";
import { looksLikeJws, readCompactJws } from "../../src/jwt/compact-jws.js";
import { hasSignature } from "../../src/jwt/jws-signature.js";
import { base64url, signingKey } from "../tokens/signing-key.js";
import vectors from "./vectors/rfc-jws.json" with { type: "json" };

const refuse = (detail: string): Error => new Error(detail);
const read = (token: string) => readCompactJws(token, refuse);
const key = signingKey();
const claims = { iss: "https://idp.example.com", sub: "alice", exp: 2_000_000_000 };
const good = key.sign(claims);
const [header = "", payload = "", signature = ""] = good.split(".");

/** A JWS with this header and payload, signed as it should be. */
const signed = (headerText: string, payloadText = JSON.stringify(claims)): string =>
  key.signText(headerText, payloadText);

describe("the published vectors", () => {
  test.each(["ES256", "RS256"] as const)("%s is read and verifies", async (algorithm) => {
    const vector = vectors[algorithm];
    const jws = read(vector.token);
    expect(jws.claims).toEqual(vector.claims);
    expect(jws.algorithm).toBe(algorithm);
    expect(await hasSignature(jws, vector.key)).toBe(true);
  });

  test("EdDSA of RFC 8037 verifies by both its names' key, and is refused as a JWT since its payload is no JSON", async () => {
    const { token, key: jwk } = vectors.EdDSA;
    const jws = { token, algorithm: "EdDSA", kid: undefined, type: undefined, header: {}, claims: {} };
    expect(await hasSignature(jws, jwk)).toBe(true);
    expect(() => read(token)).toThrow("the payload is not JSON");
  });

  test("the unsecured JWT of RFC 7519 is no signed JWT", () => {
    expect(() => read(vectors.none.token)).toThrow("not a signed JWT");
  });
});

describe("a compact JWS", () => {
  test("is read with its header and claims", () => {
    expect(read(good)).toEqual({
      token: good,
      header: { alg: "ES256", kid: "k1" },
      algorithm: "ES256",
      kid: "k1",
      type: undefined,
      claims,
    });
  });

  test("has its typ read without case and without application/", () => {
    expect(read(key.sign(claims, { typ: "application/AT+jwt" })).type).toBe("at+jwt");
    expect(read(key.sign(claims, { typ: "JWT" })).type).toBe("jwt");
  });

  test.each([
    ["a trailing newline", `${good}\n`],
    ["a leading space", ` ${good}`],
    ["a space in the signature", `${header}.${payload}.${signature.slice(0, 9)} ${signature.slice(9)}`],
    ["a newline in the payload", `${header}.${payload.slice(0, 9)}\n${payload.slice(9)}.${signature}`],
    ["a NUL", `${good}\0`],
    ["padding", `${good}==`],
    ["padding in the header", `${header}=.${payload}.${signature}`],
    ["the base64 alphabet", `${header}.${payload}.${signature.slice(0, -2)}+/`],
    ["no signature", `${header}.${payload}.`],
    ["two segments", `${header}.${payload}`],
    ["four segments", `${good}.${signature}`],
    ["five segments, as a JWE has", `${header}..${payload}.${signature}.${signature}`],
    ["an empty payload (detached)", `${header}..${signature}`],
    ["nothing", ""],
    ["the flattened JSON form", JSON.stringify({ protected: header, payload, signature })],
    ["the general JSON form", JSON.stringify({ payload, signatures: [{ protected: header, signature }] })],
    ["a Bearer prefix", `Bearer ${good}`],
  ])("with %s is refused", (_, token) => {
    expect(() => read(token)).toThrow();
    expect(looksLikeJws(token)).toBe(false);
  });

  test("with stray bits at the end of any part is refused", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // 64 bytes of signature are 86 characters: the last one carries four bits that decode to nothing.
    const last = alphabet.indexOf(signature.at(-1) ?? "");
    for (let stray = 1; stray < 16; stray++) {
      const spelling = signature.slice(0, -1) + (alphabet[last + stray] ?? "");
      expect(Buffer.from(spelling, "base64url").equals(Buffer.from(signature, "base64url"))).toBe(true);
      expect(() => read(`${header}.${payload}.${spelling}`)).toThrow("canonical");
    }
    // A header of 5 bytes: 7 characters with two stray bits.
    expect(() => read(`e30gIDE.${payload}.${signature}`)).toThrow();
    expect(() => read(`${header}.${payload}.A`)).toThrow("canonical");
  });

  test("is at most 16 KiB long", () => {
    const long = key.sign({ ...claims, filler: "x".repeat(16 * 1024) });
    expect(() => read(long)).toThrow("longer than");
  });

  test.each([
    ["no alg", "{}", "alg is missing"],
    ["a numeric alg", '{"alg":1}', "alg is missing"],
    ["crit for something", '{"alg":"ES256","crit":["exp"],"exp":1}', "crit"],
    ["an empty crit", '{"alg":"ES256","crit":[]}', "crit"],
    ["a crit that is no list", '{"alg":"ES256","crit":"b64"}', "crit"],
    ["a crit that names a registered member", '{"alg":"ES256","crit":["alg"]}', "crit"],
    ["a null crit", '{"alg":"ES256","crit":null}', "crit"],
    ["b64 false", '{"alg":"ES256","b64":false}', "b64"],
    ["zip", '{"alg":"ES256","zip":"DEF"}', "zip"],
    ["enc, as a JWE has", '{"alg":"dir","enc":"A256GCM"}', "enc"],
    ["a nested JWT", '{"alg":"ES256","cty":"JWT"}', "nested"],
    ["a nested JWT by media type", '{"alg":"ES256","cty":"application/jwt"}', "nested"],
    ["a kid that is no text", '{"alg":"ES256","kid":["k1"]}', "kid"],
    ["a kid of 257 bytes", `{"alg":"ES256","kid":"${"k".repeat(257)}"}`, "kid"],
    ["a kid of 129 two-byte characters", `{"alg":"ES256","kid":"${"é".repeat(129)}"}`, "kid"],
    ["a typ that is no text", '{"alg":"ES256","typ":1}', "typ"],
    ["alg twice", '{"alg":"none","alg":"ES256"}', "member twice"],
    ["kid twice, once spelt with an escape", String.raw`{"alg":"ES256","kid":"a","\u006bid":"b"}`, "member twice"],
    ["a list", '[{"alg":"ES256"}]', "not a JSON object"],
    ["no JSON", "alg=ES256", "not JSON"],
    ["a byte order mark", '\uFEFF{"alg":"ES256"}', "not JSON"],
  ])("with a header that has %s is refused", (_, headerText, why) => {
    expect(() => read(signed(headerText))).toThrow(why);
  });

  test("keeps a kid of 256 bytes", () => {
    expect(read(key.sign(claims, { kid: "k".repeat(256) })).kid).toHaveLength(256);
  });

  test("may carry keys and URLs in its header, of which nothing is used", () => {
    const token = key.sign(claims, {
      jwk: key.jwk,
      jku: "https://evil.example/jwks",
      x5u: "https://evil.example",
      x5c: [],
    });
    expect(Object.keys(read(token))).toEqual(["token", "header", "algorithm", "kid", "type", "claims"]);
  });

  test.each([
    ["a list", "[1]"],
    ["null", "null"],
    ["a text", '"sub"'],
    ["no JSON", "sub=alice"],
    ["a member twice", '{"sub":"alice","sub":"root"}'],
    ["a member twice deep inside", '{"sub":"alice","a":[{"b":1,"b":2}]}'],
    ["nesting 17 deep", `{"a":${"[".repeat(16)}${"]".repeat(16)}}`],
    ["trailing text", '{"sub":"alice"} x'],
  ])("with a payload that is %s is refused", (_, payloadText) => {
    expect(() => read(signed('{"alg":"ES256"}', payloadText))).toThrow(/payload/);
  });

  test("with a payload that is not UTF-8 is refused", () => {
    const bytes = Buffer.concat([Buffer.from('{"sub":"'), Buffer.of(0xff), Buffer.from('"}')]);
    expect(() => read(`${header}.${bytes.toString("base64url")}.${signature}`)).toThrow("not UTF-8");
  });

  test("never has a refusal that repeats any of it", () => {
    const secret = "s3cr3t-part";
    const tokens = [
      signed(`{"alg":"ES256",${secret}`),
      signed('{"alg":"ES256"}', `{"sub":"${secret}",}`),
      signed(`{"alg":"ES256","typ":1,"x":"${secret}"}`),
      `${secret}.${secret}.${secret}`,
    ];
    for (const token of tokens) expect(() => read(token)).toThrow(expect.not.stringContaining(secret));
  });
});

describe("a secret that is meant as a JWT", () => {
  test("has three parts, the first of which begins a JSON object", () => {
    expect(looksLikeJws(good)).toBe(true);
    expect(looksLikeJws(`${base64url('{ "alg":"ES256"}')}.${payload}.${signature}`)).toBe(true);
    expect(looksLikeJws("correct.horse.battery")).toBe(false);
    expect(looksLikeJws("icm_AbCdEf")).toBe(false);
    expect(looksLikeJws("a.b")).toBe(false);
  });
});
