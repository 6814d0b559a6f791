import { describe, expect, test } from "vitest";
import type { Credentials } from "../../src/oauth/request.js";
import { signingKey } from "../tokens/signing-key.js";
import { NOW, OWN_ISSUER, trustedIssuer } from "../tokens/trusted-issuer-fixture.js";
import { authenticatorOver, basic, client, digestOf, refusalOf } from "./fixtures.js";

const CLUSTER = "https://kubernetes.default.svc";
const TRUST_DOMAIN = "spiffe://example.org";
const TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SPIFFE_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
const SUBJECT = "system:serviceaccount:shop:orders";
const SPIFFE_ID = "spiffe://example.org/ns/shop/sa/orders";

const cluster = signingKey("RS256", "cluster");
const spire = signingKey("ES256", "spire");

const orders = client("orders", {
  federated: [
    { issuer: CLUSTER, subject: SUBJECT },
    { issuer: TRUST_DOMAIN, subject: SPIFFE_ID },
  ],
});
const issuers = [
  trustedIssuer({ issuer: CLUSTER, algorithms: new Set(["RS256"]), use: new Set(["client_assertion"]) }),
  trustedIssuer({ issuer: TRUST_DOMAIN, trustDomain: "example.org", use: new Set(["client_assertion"]) }),
  trustedIssuer({
    issuer: "https://users.example.com",
    algorithms: new Set(["RS256"]),
    use: new Set(["subject_token"]),
  }),
];
const jwks = {
  [`${CLUSTER}/jwks`]: [cluster.jwk],
  [`${TRUST_DOMAIN}/jwks`]: [{ ...spire.jwk, use: "jwt-svid" }],
  "https://users.example.com/jwks": [cluster.jwk],
};

/** A projected token as a cluster issues it. */
function projected(different: Readonly<Record<string, unknown>> = {}): string {
  return cluster.sign({
    iss: CLUSTER,
    sub: SUBJECT,
    aud: [OWN_ISSUER],
    iat: NOW - 100,
    nbf: NOW - 100,
    exp: NOW + 500,
    jti: "5f5a1d3e-0000-4000-8000-000000000000",
    "kubernetes.io": {
      namespace: "shop",
      serviceaccount: { name: "orders", uid: "aa" },
      pod: { name: "orders-1", uid: "bb" },
    },
    ...different,
  });
}

const svid = spire.sign({ sub: SPIFFE_ID, aud: [OWN_ISSUER], exp: NOW + 300, iat: NOW }, { typ: "JWT" });
const overOrders = () =>
  authenticatorOver([orders, client("other", { secrets: [digestOf("other-secret")] })], { issuers, jwks });

describe("a workload's token", () => {
  test.each<[string, Credentials]>([
    ["as client_assertion", { clientAssertion: projected(), clientAssertionType: TYPE }],
    [
      "as client_assertion, with an agreeing client_id",
      { clientAssertion: projected(), clientAssertionType: TYPE, clientId: "orders" },
    ],
    ["in client_secret's place", { clientSecret: projected() }],
    ["in client_secret's place, with client_id", { clientId: "orders", clientSecret: projected() }],
    ["in client_secret's place, beside a stale Bearer", { clientSecret: projected(), authorization: "Bearer stale" }],
    ["by Basic without a colon", { authorization: basic(projected()) }],
    ["by Basic as the client's secret", { authorization: basic(`orders:${projected()}`) }],
    ["that is a JWT-SVID, as client_assertion", { clientAssertion: svid, clientAssertionType: TYPE }],
    ["that is a JWT-SVID, by its own assertion type", { clientAssertion: svid, clientAssertionType: SPIFFE_TYPE }],
    ["that is a JWT-SVID, in client_secret's place", { clientSecret: svid }],
  ])("%s stands for the client", async (_, credentials) => {
    const { authenticate } = overOrders();
    expect(await authenticate(credentials)).toMatchObject({ client: { id: "orders" }, method: "federated_jwt" });
  });

  test("is used many times by design, and never remembered, jti or not", async () => {
    const { authenticate, used } = overOrders();
    for (let i = 0; i < 3; i++) await authenticate({ clientSecret: projected() });
    expect(used.size).toBe(0);
  });

  test.each([
    ["another service account", projected({ sub: "system:serviceaccount:shop:other" })],
    ["a subject that begins alike", projected({ sub: `${SUBJECT}-2` })],
    ["a subject that differs in case", projected({ sub: SUBJECT.toUpperCase() })],
    ["no subject", projected({ sub: undefined })],
    ["the API server's audience, as every pod has it", projected({ aud: [CLUSTER] })],
    ["another audience beside ours", projected({ aud: [OWN_ISSUER, CLUSTER] })],
    ["no audience", projected({ aud: undefined })],
    ["another issuer", projected({ iss: "https://kubernetes.evil.example" })],
    ["an issuer that is trusted for users only", projected({ iss: "https://users.example.com" })],
    ["exp passed", projected({ exp: NOW - 60 })],
    ["no exp", projected({ exp: undefined })],
    [
      "another cluster's key",
      signingKey("RS256", "cluster").sign({ iss: CLUSTER, sub: SUBJECT, aud: OWN_ISSUER, exp: NOW + 60 }),
    ],
    ["our own issuer", projected({ iss: OWN_ISSUER })],
    ["issuer and subject joined otherwise", projected({ iss: `${CLUSTER}\n${SUBJECT}`, sub: "x" })],
  ])("with %s is refused by the one answer, wherever it stands", async (_, token) => {
    const places: Credentials[] = [
      { clientSecret: token },
      { clientId: "orders", clientSecret: token },
      { authorization: basic(token) },
      { clientAssertion: token, clientAssertionType: TYPE },
    ];
    for (const credentials of places) {
      const { authenticate } = overOrders();
      expect(await refusalOf(authenticate(credentials))).toMatchObject({
        code: "invalid_client",
        reason: "CREDENTIALS_INVALID",
        message: "Client authentication failed: unknown client, or wrong, expired or disabled credentials.",
        scheme: credentials.authorization === undefined ? undefined : "Basic",
      });
    }
  });

  test.each<[string, Credentials]>([
    ["in the form", { clientId: "other", clientSecret: projected() }],
    ["by assertion", { clientId: "other", clientAssertion: projected(), clientAssertionType: TYPE }],
    ["by Basic", { authorization: basic(`other:${projected()}`) }],
    ["by Basic and a client_id", { authorization: basic(`orders:${projected()}`), clientId: "other" }],
  ])("beside another client's id is refused: %s", async (_, credentials) => {
    const { authenticate } = overOrders();
    expect(await refusalOf(authenticate(credentials))).toMatchObject({ reason: "CREDENTIALS_AMBIGUOUS" });
  });

  test("of a client that is disabled is refused", async () => {
    const { authenticate } = authenticatorOver([{ ...orders, disabled: true }], { issuers, jwks });
    expect(await refusalOf(authenticate({ clientSecret: projected() }))).toMatchObject({ code: "invalid_client" });
  });

  test("whose issuer does not answer is temporarily_unavailable, and no failure", async () => {
    const { authenticate, limiter } = authenticatorOver([orders], { issuers });
    for (let i = 0; i < 20; i++) {
      expect(await refusalOf(authenticate({ clientSecret: projected() }))).toMatchObject({
        reason: "ISSUER_UNAVAILABLE",
      });
    }
    expect(limiter.allows(undefined, "192.0.2.1")).toBe(true);
  });
});

describe("a secret with two dots in it", () => {
  test("is a secret, unless its first part could begin a JWT", async () => {
    const dotted = client("dotted", { secrets: [digestOf("correct.horse.battery-staple", { identifies: false })] });
    const { authenticate } = authenticatorOver([dotted]);
    const credentials = { clientId: "dotted", clientSecret: "correct.horse.battery-staple" };
    expect(await authenticate(credentials)).toMatchObject({ method: "client_secret_post" });
  });
});
