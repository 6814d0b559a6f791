import { calculateJwkThumbprint } from "jose";
import { expect, test } from "vitest";
import { generateSigningKeySync } from "../../src/keys/key-pair.js";
import { jwksDocument, thumbprint } from "../../src/keys/jwks.js";

/** RFC 7638 section 3.1. */
const RFC_7638_KEY = {
  kty: "RSA",
  n:
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs" +
    "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr" +
    "n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
  e: "AQAB",
  alg: "RS256",
  kid: "2011-04-29",
};

test("the thumbprint of RFC 7638 section 3.1 comes out", () => {
  expect(thumbprint(RFC_7638_KEY)).toBe("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
});

test("the thumbprint of RFC 8037 appendix A.3 comes out", () => {
  const key = { crv: "Ed25519", kty: "OKP", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
  expect(thumbprint(key)).toBe("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
});

test("a key's id is its thumbprint, as jose computes it", async () => {
  for (const algorithm of ["ES256", "ES384", "EdDSA", "RS256"] as const) {
    const { publicJwk } = generateSigningKeySync(algorithm);
    expect(publicJwk.kid).toBe(await calculateJwkThumbprint({ ...publicJwk }));
  }
});

test("a symmetric key has no place in a ring", () => {
  expect(() => thumbprint({ kty: "oct", k: "AA" })).toThrow("EC, OKP or RSA");
});

test("the JWKS says how long it may be cached, and its tag changes with its keys alone", () => {
  const [one, other] = [generateSigningKeySync("ES256").publicJwk, generateSigningKeySync("ES256").publicJwk];
  const served = (...keys: (typeof one)[]) => jwksDocument({ published: () => ({ keys, maxAgeSeconds: 300 }) });
  expect(JSON.parse(served(one).body)).toEqual({ keys: [one] });
  expect(served(one)).toMatchObject({ etag: expect.stringMatching(/^"[\w-]{22}"$/), maxAgeSeconds: 300 });
  expect(served(one).etag).toBe(served(one).etag);
  expect(served(one).etag).not.toBe(served(one, other).etag);
});
