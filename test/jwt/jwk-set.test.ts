import { describe, expect, test } from "vitest";
import { readJwks, selectKey } from "../../src/jwt/jwk-set.js";
import { signingKey } from "../tokens/signing-key.js";

const ec = signingKey("ES256", "ec");
const rsa = signingKey("RS256", "rsa");
const ed = signingKey("EdDSA", "ed");

function kidsOf(keys: readonly unknown[], use: "sig" | "jwt-svid" = "sig"): (string | undefined)[] | undefined {
  return readJwks({ keys }, use)?.map(({ kid }) => kid);
}

function select(keys: readonly unknown[], algorithm: string, kid?: string): string | undefined {
  const found = selectKey(readJwks({ keys }, "sig") ?? [], algorithm, kid);
  return typeof found === "string" ? found : found.kid;
}

describe("a JWK set", () => {
  test("gives the keys that can verify and ignores all others", () => {
    const others = [
      { ...ec.jwk, use: "enc" },
      { ...ec.jwk, key_ops: ["sign"] },
      { kty: "oct", k: "c2VjcmV0", kid: "shared" },
      { kty: "EC", crv: "P-256", x: "AA" },
      { kty: "RSA", n: 5, e: "AQAB" },
      { kty: "future", kid: "pq" },
      { ...signingKey("RS256", "weak", 1024).jwk },
      "key",
      null,
    ];
    expect(kidsOf([...others, ec.jwk, rsa.jwk, { ...ed.jwk, key_ops: ["verify"] }])).toEqual(["ec", "rsa", "ed"]);
  });

  test("gives public members only, even of a private key", () => {
    const [key] = readJwks({ keys: [{ ...ec.jwk, d: "secret", x5c: ["…"], ext: true }] }, "sig") ?? [];
    expect(Object.keys(key?.jwk ?? {})).toEqual(["kty", "crv", "x", "y"]);
  });

  test("counts no leading zeros of a modulus as strength", () => {
    const weak = signingKey("RS256", "weak", 1024).jwk;
    const padded = Buffer.concat([Buffer.alloc(200), Buffer.from(String(weak["n"]), "base64url")]).toString(
      "base64url",
    );
    expect(kidsOf([{ ...weak, n: padded }])).toEqual([]);
  });

  test("may be empty, which revokes all, but must be a set", () => {
    expect(kidsOf([])).toEqual([]);
    for (const document of [{}, { keys: {} }, [], null, "keys"]) expect(readJwks(document, "sig")).toBeUndefined();
  });

  test("of a SPIFFE trust domain gives its keys for JWT-SVIDs only", () => {
    const bundle = [
      { ...ec.jwk, use: "x509-svid" },
      { ...rsa.jwk, use: "jwt-svid", kid: undefined },
      ed.jwk,
      { ...ec.jwk, use: "jwt-svid", kid: "svid" },
    ];
    expect(kidsOf(bundle, "jwt-svid")).toEqual(["svid"]);
    expect(kidsOf(bundle, "sig")).toEqual(["ed"]);
  });
});

describe("the key of a signature", () => {
  test("is the one that its kid names, if it fits the algorithm", () => {
    expect(select([ec.jwk, rsa.jwk], "RS256", "rsa")).toBe("rsa");
    expect(select([ec.jwk, rsa.jwk], "ES256", "rsa")).toBe("unknown");
    expect(select([ec.jwk, rsa.jwk], "ES256", "other")).toBe("unknown");
    expect(select([{ ...ec.jwk, kid: undefined }], "ES256", "ec")).toBe("unknown");
  });

  test("without a kid is the only one that fits", () => {
    expect(select([ec.jwk, rsa.jwk], "ES256")).toBe("ec");
    expect(select([ec.jwk, signingKey("ES256", "ec2").jwk], "ES256")).toBe("ambiguous");
    expect(select([rsa.jwk], "ES256")).toBe("unknown");
  });

  test("serves one algorithm where it says so, and any of its kind where it does not", () => {
    const free = { ...rsa.jwk, alg: undefined };
    expect(select([rsa.jwk], "PS256", "rsa")).toBe("unknown");
    expect(select([free], "PS512", "rsa")).toBe("rsa");
    expect(select([free], "ES256", "rsa")).toBe("unknown");
  });

  test("is on the algorithm's curve", () => {
    const p384 = signingKey("ES384", "p384").jwk;
    expect(select([{ ...p384, alg: undefined }], "ES256", "p384")).toBe("unknown");
    expect(select([{ ...p384, alg: undefined }], "ES384", "p384")).toBe("p384");
  });

  test("of Ed25519 goes by both its names", () => {
    expect(select([ed.jwk], "Ed25519", "ed")).toBe("ed");
    expect(select([{ ...ed.jwk, alg: "Ed25519" }], "EdDSA", "ed")).toBe("ed");
  });

  test("is never found for a symmetric algorithm, none or a misspelt one", () => {
    const any = [rsa.jwk, ec.jwk, ed.jwk].map((jwk) => ({ ...jwk, alg: undefined }));
    for (const algorithm of ["HS256", "none", "None", "es256", "", "__proto__", "constructor"]) {
      expect(select(any, algorithm), algorithm).toBe("unknown");
    }
  });
});
