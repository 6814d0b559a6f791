import { Buffer } from "node:buffer";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { IssuerUse } from "../../src/issuers/trusted-issuer.js";
import { base64url, signatureOf, signingKey } from "../tokens/signing-key.js";
import {
  IDP,
  NOW,
  OWN_ISSUER,
  issuerTokenVerifier,
  goodClaims,
  trustedIssuer,
} from "../tokens/trusted-issuer-fixture.js";

const key = signingKey();
const other = signingKey("ES256", "k1");
const JWKS = `${IDP}/jwks`;

class Refused extends Error {}
const refuse = (detail: string): Error => new Refused(detail);

const verifier = issuerTokenVerifier([trustedIssuer()], { [JWKS]: [key.jwk] });
const verify = (token: string, use: IssuerUse = "subject_token", by = verifier) => by.verify(token, use, refuse);
const good = key.sign(goodClaims());

describe("a JWT of a trusted issuer", () => {
  test("is verified, with its subject mapped by the issuer's prefix", async () => {
    const { subject, claims, jws, issuer } = await verify(good);
    expect({ subject, claims, header: jws.header }).toEqual({
      subject: "idp:alice",
      claims: goodClaims(),
      header: { alg: "ES256", kid: "k1" },
    });
    expect(issuer.issuer).toBe(IDP);
  });

  test("as an assertion keeps sub as it is, which a client's record names", async () => {
    expect((await verify(good, "client_assertion")).subject).toBe("alice");
  });

  test("may map another claim than sub", async () => {
    const byEmail = issuerTokenVerifier([trustedIssuer({ subject: { claim: "email", prefix: "mail:" } })], {
      [JWKS]: [key.jwk],
    });
    const { subject } = await verify(key.sign(goodClaims({ email: "a@example.com" })), "subject_token", byEmail);
    expect(subject).toBe("mail:a@example.com");
    await expect(verify(good, "subject_token", byEmail)).rejects.toThrow("names the subject");
  });

  test.each(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"])(
    "may be signed by %s where the settings say so",
    async (algorithm) => {
      const signer = signingKey(algorithm);
      const issuer = trustedIssuer({ algorithms: new Set([algorithm]) });
      const by = issuerTokenVerifier([issuer], { [JWKS]: [signer.jwk] });
      expect((await verify(signer.sign(goodClaims()), "subject_token", by)).subject).toBe("idp:alice");
    },
  );

  test("may carry no kid where only one key fits", async () => {
    const token = key.sign(goodClaims(), { kid: undefined });
    expect((await verify(token)).subject).toBe("idp:alice");
    const twoKeys = issuerTokenVerifier([trustedIssuer()], { [JWKS]: [key.jwk, signingKey("ES256", "k2").jwk] });
    await expect(verify(token, "subject_token", twoKeys)).rejects.toThrow("no key that fits");
  });
});

describe("a forged or tampered JWT", () => {
  test("is refused whichever bit of it is flipped", async () => {
    for (let at = 0; at < good.length; at++) {
      for (let bit = 0; bit < 7; bit++) {
        const flipped = String.fromCharCode(good.charCodeAt(at) ^ (1 << bit));
        const token = good.slice(0, at) + flipped + good.slice(at + 1);
        await expect(verify(token), `character ${at}, bit ${bit}`).rejects.toThrow(Refused);
      }
    }
  });

  test("is refused when anything is cut off it or added to it", async () => {
    for (let length = 0; length < good.length; length++) {
      await expect(verify(good.slice(0, length))).rejects.toThrow(Refused);
    }
    for (const more of ["A", "AA", "=", ".", " ", "\n", "%00", ".A"]) {
      await expect(verify(good + more)).rejects.toThrow(Refused);
      await expect(verify(more + good)).rejects.toThrow(Refused);
    }
  });

  const [header = "", payload = "", signature = ""] = good.split(".");
  const pem = String(key.publicKey.export({ type: "spki", format: "pem" }));
  const hmac = (secret: string | Buffer, alg: string): string => {
    const input = `${base64url(JSON.stringify({ alg, kid: "k1" }))}.${payload}`;
    return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
  };
  const unsigned = (alg: string): string => `${base64url(JSON.stringify({ alg, kid: "k1" }))}.${payload}`;

  test.each([
    ["made with another key under the same kid", other.sign(goodClaims())],
    ["of another issuer's key, named by kid", signingKey("ES256", "k9").sign(goodClaims())],
    ["with its own key in the header", other.sign(goodClaims(), { jwk: other.jwk, kid: undefined })],
    ["with a URL of its own keys", other.sign(goodClaims(), { jku: "https://evil.example/jwks" })],
    [
      "with the signature of another token",
      `${header}.${base64url(JSON.stringify(goodClaims({ sub: "root" })))}.${signature}`,
    ],
    ["with alg none and no signature", `${unsigned("none")}.`],
    ["with alg none and the old signature", `${unsigned("none")}.${signature}`],
    ["with alg None", `${unsigned("None")}.${signature}`],
    ["with alg es256", `${unsigned("es256")}.${signature}`],
    ["with alg HS256, keyed with the public key as PEM", hmac(pem, "HS256")],
    ["with alg HS256, keyed with the public key as JWK", hmac(JSON.stringify(key.jwk), "HS256")],
    ["with alg HS256, keyed with nothing", hmac("", "HS256")],
    ["with an HMAC under alg ES256", hmac(pem, "ES256")],
    ["with a signature of zeros", `${header}.${payload}.${Buffer.alloc(64).toString("base64url")}`],
    ["with a signature of ones", `${header}.${payload}.${Buffer.alloc(64, 0xff).toString("base64url")}`],
    [
      "with 63 bytes of signature",
      `${header}.${payload}.${Buffer.from(signature, "base64url").subarray(1).toString("base64url")}`,
    ],
    ["with an alg that the issuer does not use", signingKey("RS256").sign(goodClaims())],
    ["with crit", key.sign(goodClaims(), { crit: ["exp"] })],
    ["with b64 false", key.sign(goodClaims(), { b64: false, crit: ["b64"] })],
    ["with zip", key.sign(goodClaims(), { zip: "DEF" })],
    ["nested", key.signText('{"alg":"ES256","kid":"k1","cty":"JWT"}', good)],
    [
      "with a member twice",
      key.signText('{"alg":"ES256","kid":"k1"}', `{"sub":"root",${JSON.stringify(goodClaims()).slice(1)}`),
    ],
    ["with a kid that is a path", key.sign(goodClaims(), { kid: "../../dev/null" })],
    ["with a kid that is SQL", key.sign(goodClaims(), { kid: "k1' OR '1'='1" })],
    ["with a kid that every object has", key.sign(goodClaims(), { kid: "__proto__" })],
  ])("%s is refused", async (_, token) => {
    await expect(verify(token)).rejects.toThrow(Refused);
  });

  test("signed in DER is refused", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = { ...publicKey.export({ format: "jwk" }), kid: "k1" };
    const by = issuerTokenVerifier([trustedIssuer()], { [JWKS]: [jwk] });
    const raw = signatureOf("ES256", `${header}.${payload}`, privateKey).toString("base64url");
    const der = sign("sha256", Buffer.from(`${header}.${payload}`), privateKey).toString("base64url");
    await expect(verify(`${header}.${payload}.${raw}`, "subject_token", by)).resolves.toBeDefined();
    await expect(verify(`${header}.${payload}.${der}`, "subject_token", by)).rejects.toThrow("signature is wrong");
  });

  test("signed with an RSA key of less than 2048 bits is refused", async () => {
    const weak = signingKey("RS256", "k1", 1024);
    const by = issuerTokenVerifier([trustedIssuer({ algorithms: new Set(["RS256"]) })], { [JWKS]: [weak.jwk] });
    await expect(verify(weak.sign(goodClaims()), "subject_token", by)).rejects.toThrow("no key that fits");
  });

  test("with an alg that the issuer's settings do not name is refused, though its key set has such a key", async () => {
    const rsa = signingKey("RS256", "rsa");
    const by = issuerTokenVerifier([trustedIssuer()], { [JWKS]: [key.jwk, rsa.jwk] });
    await expect(verify(rsa.sign(goodClaims()), "subject_token", by)).rejects.toThrow("alg is not one");
  });

  test("with a symmetric algorithm is refused even if the settings allowed it", async () => {
    const by = issuerTokenVerifier([trustedIssuer({ algorithms: new Set(["HS256", "none"]) })], { [JWKS]: [key.jwk] });
    for (const token of [hmac(pem, "HS256"), `${unsigned("none")}.${signature}`]) {
      await expect(verify(token, "subject_token", by)).rejects.toThrow("alg is not one");
    }
  });
});

describe("the issuer", () => {
  const second = signingKey("ES256", "k1");
  const ISSUER_B = "https://b.example.com";
  const both = issuerTokenVerifier(
    [
      trustedIssuer(),
      trustedIssuer({ issuer: ISSUER_B, subject: { claim: "sub", prefix: "b:" }, use: new Set(["subject_token"]) }),
    ],
    { [JWKS]: [key.jwk], [`${ISSUER_B}/jwks`]: [second.jwk] },
  );

  test("is the exact iss, and only its own keys verify", async () => {
    const { subject } = await verify(second.sign(goodClaims({ iss: ISSUER_B })), "subject_token", both);
    expect(subject).toBe("b:alice");
    await expect(verify(key.sign(goodClaims({ iss: ISSUER_B })), "subject_token", both)).rejects.toThrow("signature");
  });

  test.each([`${IDP}/`, IDP.toUpperCase(), `${IDP}.evil.example`, "", 5, null, [IDP], { iss: IDP }])(
    "%j is not trusted",
    async (iss) => {
      await expect(verify(key.sign(goodClaims({ iss })))).rejects.toThrow("issuer is not trusted");
    },
  );

  test("that is absent is trusted by no one", async () => {
    await expect(verify(key.sign(goodClaims({ iss: undefined })))).rejects.toThrow("issuer is not trusted");
  });

  test("is never this server itself", async () => {
    await expect(verify(key.sign(goodClaims({ iss: OWN_ISSUER })))).rejects.toThrow("this server's own");
  });

  test("is believed only for the uses that the settings give it", async () => {
    const token = second.sign(goodClaims({ iss: ISSUER_B }));
    await expect(verify(token, "client_assertion", both)).rejects.toThrow("not accepted for this use");
  });

  test("whose keys cannot be had makes the answer temporarily_unavailable", async () => {
    const down = issuerTokenVerifier([trustedIssuer()], {});
    await expect(verify(good, "subject_token", down)).rejects.toMatchObject({
      code: "temporarily_unavailable",
      reason: "ISSUER_UNAVAILABLE",
    });
  });
});

describe("the audience", () => {
  test.each([OWN_ISSUER, [OWN_ISSUER], ["other", OWN_ISSUER]])("%j is us", async (aud) => {
    await expect(verify(key.sign(goodClaims({ aud })))).resolves.toBeDefined();
  });

  test.each([
    undefined,
    null,
    "",
    [],
    {},
    5,
    `${OWN_ISSUER}/`,
    OWN_ISSUER.slice(0, -1),
    [[OWN_ISSUER]],
    [OWN_ISSUER, 5],
  ])("%j is not us", async (aud) => {
    await expect(verify(key.sign(goodClaims({ aud })))).rejects.toThrow("aud");
  });

  test("of an assertion is us alone, so that nobody else who got it can use it here", async () => {
    await expect(verify(key.sign(goodClaims({ aud: [OWN_ISSUER] })), "client_assertion")).resolves.toBeDefined();
    const shared = key.sign(goodClaims({ aud: [OWN_ISSUER, "https://kubernetes.default.svc"] }));
    await expect(verify(shared, "client_assertion")).rejects.toThrow("alone");
  });
});

describe("the times", () => {
  test.each([
    ["exp within the leeway", { exp: NOW - 29 }],
    ["nbf within the leeway", { nbf: NOW + 30 }],
    ["iat within the leeway", { iat: NOW + 30 }],
    ["fractions", { exp: NOW + 0.5, iat: NOW - 0.5 }],
    ["no iat and no nbf", { iat: undefined }],
    ["exp a year ahead, as Kubernetes has it", { exp: NOW + 31_536_000 }],
  ])("are fine with %s", async (_, claims) => {
    await expect(verify(key.sign(goodClaims(claims)))).resolves.toBeDefined();
  });

  test.each([
    ["exp passed", { exp: NOW - 30 }],
    ["no exp", { exp: undefined }],
    ["nbf ahead", { nbf: NOW + 31 }],
    ["iat ahead", { iat: NOW + 31 }],
    ["exp as text", { exp: String(NOW + 300) }],
    ["exp null", { exp: null }],
    ["exp true", { exp: true }],
    ["exp as list", { exp: [NOW + 300] }],
    ["exp below zero", { exp: -1 }],
    ["nbf as text", { nbf: "0" }],
    ["iat as text", { iat: String(NOW) }],
    ["iat null", { iat: null }],
  ])("are refused with %s", async (_, claims) => {
    await expect(verify(key.sign(goodClaims(claims)))).rejects.toThrow(Refused);
  });

  test.each(["exp", "nbf", "iat"])("are refused with a %s beyond all numbers", async (name) => {
    const text = JSON.stringify(goodClaims({ [name]: 12345 })).replace("12345", "1e400");
    await expect(verify(key.signText('{"alg":"ES256","kid":"k1"}', text))).rejects.toThrow("finite");
  });
});

describe("the kind", () => {
  test.each([undefined, "JWT", "jwt", "application/jwt", "at+jwt", "application/at+jwt", "JOSE"])(
    "of a subject token may be %s",
    async (typ) => {
      await expect(verify(key.sign(goodClaims(), { typ }))).resolves.toBeDefined();
    },
  );

  test.each([undefined, "JWT", "JOSE", "client-authentication+jwt"])("of an assertion may be %s", async (typ) => {
    await expect(verify(key.sign(goodClaims(), { typ }), "client_assertion")).resolves.toBeDefined();
  });

  test.each([
    "logout+jwt",
    "dpop+jwt",
    "secevent+jwt",
    "token-introspection+jwt",
    "oauth-authz-req+jwt",
    "oauth-id-jag+jwt",
    "authorization-grant+jwt",
    "txntoken+jwt",
    "client-authentication+jwt",
    "statuslist+jwt",
    "",
  ])("of a subject token is never %j", async (typ) => {
    await expect(verify(key.sign(goodClaims(), { typ }))).rejects.toThrow("typ");
  });

  test.each(["at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt"])("of an assertion is never %s", async (typ) => {
    await expect(verify(key.sign(goodClaims(), { typ }), "client_assertion")).rejects.toThrow("typ");
  });

  test("is told by its claims where it has no typ: a logout token, a DPoP proof", async () => {
    const event = { events: { "http://schemas.openid.net/event/backchannel-logout": {} } };
    await expect(verify(key.sign(goodClaims(event)))).rejects.toThrow("security event");
    await expect(verify(key.sign(goodClaims({ htm: "POST", htu: OWN_ISSUER })))).rejects.toThrow("DPoP proof");
  });
});

describe("the subject", () => {
  test.each([
    ["absent", undefined],
    ["empty", ""],
    ["a number", 5],
    ["null", null],
    ["a list", ["alice"]],
    ["with a newline", "alice\nroot"],
    ["with a NUL", "alice\0"],
    ["with a right-to-left override", "alice\u202Eroot"],
    ["with a zero-width space", "ali\u200Bce"],
    ["with half a surrogate pair", "alice\uD800"],
    ["longer than 2048 characters", "a".repeat(2049)],
  ])("is refused when it is %s", async (_, sub) => {
    await expect(verify(key.sign(goodClaims({ sub })))).rejects.toThrow("names the subject");
  });

  test("may be any name that can be shown", async () => {
    for (const sub of ["Zoë Müller", "日本", "auth0|123", "system:serviceaccount:shop:orders"]) {
      expect((await verify(key.sign(goodClaims({ sub })))).subject).toBe(`idp:${sub}`);
    }
  });
});

describe("a JWT-SVID", () => {
  const ID = "spiffe://example.org/ns/default/sa/spark";
  const spiffe = trustedIssuer({ issuer: "spiffe://example.org", trustDomain: "example.org" });
  const svid = { iss: undefined, sub: ID };
  const bundle = { "spiffe://example.org/jwks": [{ ...key.jwk, use: "jwt-svid" }] };
  const by = issuerTokenVerifier([trustedIssuer(), spiffe], bundle);
  const present = (claims: Record<string, unknown>, header?: Record<string, unknown>) =>
    verify(key.sign(goodClaims({ ...svid, ...claims }), header), "client_assertion", by);

  test("needs no iss: the trust domain of its subject tells whose keys verify it", async () => {
    expect(await present({})).toMatchObject({ subject: ID, issuer: { issuer: "spiffe://example.org" } });
    expect(await present({}, { typ: "JOSE" })).toBeDefined();
    expect(await present({}, { typ: "JWT" })).toBeDefined();
  });

  test("may have the iss that the settings name", async () => {
    await expect(present({ iss: "spiffe://example.org" })).resolves.toBeDefined();
    await expect(present({ iss: "https://other.example" })).rejects.toThrow("not trusted");
  });

  test("speaks only for its own trust domain", async () => {
    await expect(present({ sub: "spiffe://evil.example/sa/spark" })).rejects.toThrow("not trusted");
    await expect(present({ iss: "spiffe://example.org", sub: "spiffe://evil.example/x" })).rejects.toThrow("SPIFFE ID");
    await expect(present({ iss: "spiffe://example.org", sub: "alice" })).rejects.toThrow("SPIFFE ID");
  });

  test.each([
    "spiffe://EXAMPLE.org/sa",
    "SPIFFE://example.org/sa",
    "spiffe://example.org/",
    "spiffe://example.org/sa/",
    "spiffe://example.org//sa",
    "spiffe://example.org/./sa",
    "spiffe://example.org/../sa",
    "spiffe://example.org:443/sa",
    "spiffe://user@example.org/sa",
    "spiffe://example.org/sa?x=1",
    "spiffe://example.org/sa#x",
    "spiffe://example.org/%73a",
    "spiffe://example.org.evil.example/sa",
    "spiffe:///sa",
    "https://example.org/sa",
    `spiffe://example.org/${"a".repeat(2048)}`,
  ])("with the subject %s is refused", async (sub) => {
    await expect(present({ sub })).rejects.toThrow(Refused);
  });

  test("has no header but alg, kid and typ", async () => {
    await expect(present({}, { x5t: "abc" })).rejects.toThrow("only alg, kid and typ");
  });

  test("is for us alone and expires", async () => {
    await expect(present({ aud: [OWN_ISSUER, "spiffe://example.org/other"] })).rejects.toThrow("alone");
    await expect(present({ exp: undefined })).rejects.toThrow("no exp");
  });

  test("is verified by the bundle's keys for JWT-SVIDs only", async () => {
    const x509 = issuerTokenVerifier([spiffe], { "spiffe://example.org/jwks": [{ ...key.jwk, use: "x509-svid" }] });
    await expect(verify(key.sign(goodClaims(svid)), "client_assertion", x509)).rejects.toThrow("no key that fits");
  });
});

describe("a refusal", () => {
  test("names nothing of the token and nothing that was expected, in characters that OAuth allows", async () => {
    const tokens = [
      key.sign(goodClaims({ iss: "s3cr3t" })),
      key.sign(goodClaims({ aud: "s3cr3t" })),
      key.sign(goodClaims({ sub: "s3cr3t\n" })),
      key.sign(goodClaims({ exp: "s3cr3t" })),
      key.sign(goodClaims(), { typ: "s3cr3t" }),
      key.sign(goodClaims(), { kid: "s3cr3t" }),
      key.signText('{"alg":"ES256"}', '{"sub":s3cr3t}'),
      "s3cr3t",
    ];
    for (const token of tokens) {
      const error: unknown = await verify(token).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(Refused);
      const text = String(error);
      expect(text).not.toContain("s3cr3t");
      expect(text).not.toContain(IDP);
      expect(text).not.toContain(OWN_ISSUER);
      expect(text).toMatch(/^[\x20\x21\x23-\x5B\x5D-\x7E]+$/);
    }
  });
});
