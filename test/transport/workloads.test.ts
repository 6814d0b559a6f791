/** Workloads without a registration, at a whole server, over every transport. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { type RunningApp, runApp } from "../support/running-app.js";
import { claimsOf } from "../support/core.js";
import { signingKey } from "../tokens/signing-key.js";
import { formCallers, rpcCallers } from "./support/token-callers.js";

const ISSUER = "https://tokens.example.com";
const CLUSTER = "https://kubernetes.default.svc";
const OTHER = "https://other-cluster.example.com";
const USERS = "https://idp.example.com";
const ONCE = "https://once.example.com";
const CORPORATION = "https://corp.example.com";
const SECRET = generateSecret(randomBytes);
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const cluster = signingKey("RS256", "cluster");
const corporationKey = signingKey("ES256", "corporation");
const otherCluster = signingKey("RS256", "other");
let running: RunningApp;

const users = {
  issuer: USERS,
  jwks_file: "cluster.json",
  use: ["subject_token"],
  subject: { prefix: "idp:" },
};
const issuer = (name: string, file: string) => ({ issuer: name, jwks_file: file, use: ["client_assertion"] });
const once = { ...issuer(ONCE, "other.json"), single_use: true };
const corporation = {
  issuer: CORPORATION,
  jwks_file: "corporation.json",
  algorithms: ["ES256"],
  use: ["id_jag"],
  subject: { prefix: "corp:" },
};

beforeAll(async () => {
  running = await runApp({
    settings: {
      issuer: ISSUER,
      limits: { failure_burst: 1000 },
      trusted_issuers: [issuer(CLUSTER, "cluster.json"), issuer(OTHER, "other.json"), users, corporation, once],
      clients: [
        {
          id: "agent",
          secrets: [{ sha256: createHash("sha256").update(SECRET).digest("hex") }],
          grants: ["jwt_bearer"],
          scopes: { allowed: ["read", "write"], default: ["read"] },
        },
      ],
      workloads: [
        {
          name: "once",
          issuer: ONCE,
          subject: "system:serviceaccount:shop:*",
          client_id: "once/{1}",
          grants: ["client_credentials", "jwt_bearer"],
        },
        {
          name: "shop",
          issuer: CLUSTER,
          subject: "system:serviceaccount:shop:*",
          claims: { "kubernetes.io": { namespace: "shop" } },
          client_id: "shop/{1}",
          except: ["system:serviceaccount:shop:default"],
          grants: ["client_credentials", "token_exchange", "jwt_bearer"],
          act_for_issuers: [USERS],
        },
      ],
    },
    files: {
      "cluster.json": JSON.stringify({ keys: [cluster.jwk] }),
      "corporation.json": JSON.stringify({ keys: [corporationKey.jwk] }),
      "other.json": JSON.stringify({ keys: [otherCluster.jwk] }),
    },
  });
});
afterAll(() => running[Symbol.asyncDispose]());

/** A projected token of a service account. */
function projected(changes: Readonly<Record<string, unknown>> = {}, key = cluster): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: CLUSTER,
    sub: "system:serviceaccount:shop:orders",
    aud: [ISSUER],
    iat: now,
    exp: now + 3000,
    "kubernetes.io": { namespace: "shop" },
  };
  return key.sign({ ...claims, ...changes });
}

/** A corporation's assertion that a client may act for one of its users. */
function idJag(changes: Readonly<Record<string, unknown>> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: CORPORATION,
    sub: "ada",
    aud: ISSUER,
    client_id: "agent",
    jti: "one",
    iat: now,
    exp: now + 300,
  };
  return corporationKey.sign({ ...claims, ...changes }, { typ: "oauth-id-jag+jwt" });
}

const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
const GRANT = { grant_type: "client_credentials" };

describe.each(Object.entries({ ...formCallers, ...rpcCallers }))("over %s, a workload", (_, call) => {
  test.each<[string, () => { form?: Record<string, string>; authorization?: string }]>([
    ["as client_assertion", () => ({ form: { client_assertion: projected(), client_assertion_type: ASSERTION_TYPE } })],
    ["in the secret's place", () => ({ form: { client_secret: projected() } })],
    ["with the derived client_id", () => ({ form: { client_id: "shop/orders", client_secret: projected() } })],
    ["by Basic", () => ({ authorization: basic(`:${projected()}`) })],
  ])("gets a token as its derived client by the platform's token %s", async (_where, asked) => {
    const { form = {}, authorization } = asked();
    const outcome = await call(running.url, { form: { ...GRANT, ...form }, ...(authorization && { authorization }) });
    expect(claimsOf(outcome.token ?? "")).toMatchObject({ sub: "shop/orders", client_id: "shop/orders" });
  });

  test("gets a token by its platform's token as assertion, and by nothing else", async () => {
    const form = { grant_type: JWT_BEARER, assertion: `${projected()}\n` };
    const outcome = await call(running.url, { form });
    expect(claimsOf(outcome.token ?? "")).toMatchObject({ sub: "shop/orders", client_id: "shop/orders" });
  });

  test("acts for a user with its platform's token as actor, and by nothing else", async () => {
    const form = {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: projected({ iss: USERS, sub: "ada", aud: ISSUER }),
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      actor_token: projected(),
      actor_token_type: "urn:ietf:params:oauth:token-type:jwt",
    };
    const outcome = await call(running.url, { form });
    expect(claimsOf(outcome.token ?? "")).toMatchObject({ sub: "idp:ada", act: { sub: "shop/orders" } });
  });

  test.each<[string, () => string]>([
    ["garbage", () => "garbage"],
    ["another cluster's", () => projected({ iss: OTHER }, otherCluster)],
    ["for the API server", () => projected({ aud: [CLUSTER] })],
    ["excepted", () => projected({ sub: "system:serviceaccount:shop:default" })],
    ["an ID-JAG", () => idJag()],
  ])("is invalid_request by an actor token that is %s", async (_what, token) => {
    const form = {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: projected({ iss: USERS, sub: "ada", aud: ISSUER }),
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      actor_token: token(),
      actor_token_type: "urn:ietf:params:oauth:token-type:jwt",
    };
    const expected = { oauth: "invalid_request", reason: "ACTOR_TOKEN_INVALID", token: undefined };
    expect(await call(running.url, { form })).toMatchObject(expected);
  });

  test("may name its derived client_id beside an assertion, and nobody else's", async () => {
    const form = { grant_type: JWT_BEARER, assertion: projected() };
    const own = await call(running.url, { form: { ...form, client_id: "shop/orders" } });
    expect(claimsOf(own.token ?? "")).toMatchObject({ sub: "shop/orders" });
    for (const client_id of ["shop/pay", "Shop/orders", "agent"]) {
      expect(await call(running.url, { form: { ...form, client_id } })).toMatchObject({ oauth: "invalid_grant" });
    }
  });

  test("uses a token of an issuer that is single_use once, wherever it stands", async () => {
    const token = projected({ iss: ONCE, jti: randomUUID() }, otherCluster);
    const form = { grant_type: JWT_BEARER, assertion: token };
    expect(claimsOf((await call(running.url, { form })).token ?? "")).toMatchObject({ sub: "once/orders" });
    expect(await call(running.url, { form })).toMatchObject({ oauth: "invalid_grant", token: undefined });
    const secret = { form: { ...GRANT, client_secret: token } };
    expect(await call(running.url, secret)).toMatchObject({ oauth: "invalid_client", token: undefined });
  });

  test.each<[string, () => string, string]>([
    ["garbage", () => "garbage", "ASSERTION_INVALID"],
    ["another cluster's", () => projected({ iss: OTHER }, otherCluster), "ASSERTION_INVALID"],
    ["of two audiences", () => projected({ aud: [ISSUER, CLUSTER] }), "ASSERTION_INVALID"],
    ["too long-lived", () => projected({ exp: Math.floor(Date.now() / 1000) + 31_536_000 }), "ASSERTION_INVALID"],
  ])("is invalid_grant by an assertion that is %s", async (_what, token, reason) => {
    const form = { grant_type: JWT_BEARER, assertion: token() };
    expect(await call(running.url, { form })).toMatchObject({ oauth: "invalid_grant", reason, token: undefined });
  });

  test.each<[string, () => string]>([
    ["is another cluster's of the same name", () => projected({ iss: OTHER }, otherCluster)],
    ["says it is of the rule's cluster, but another one signed it", () => projected({}, otherCluster)],
    ["is excepted", () => projected({ sub: "system:serviceaccount:shop:default" })],
    ["is of another namespace", () => projected({ sub: "system:serviceaccount:web:orders" })],
    ["is of another depth", () => projected({ sub: "system:serviceaccount:shop:orders:x" })],
    ["has a claim of another type", () => projected({ "kubernetes.io": { namespace: ["shop"] } })],
    ["lacks the claim", () => projected({ "kubernetes.io": undefined })],
    ["is for two audiences", () => projected({ aud: [ISSUER, CLUSTER] })],
  ])("is refused if its token %s", async (_why, token) => {
    const outcome = await call(running.url, { form: { ...GRANT, client_secret: token() } });
    expect(outcome).toMatchObject({ oauth: "invalid_client", reason: "CREDENTIALS_INVALID", token: undefined });
  });
});

describe.each(Object.entries({ ...formCallers, ...rpcCallers }))("over %s, an ID-JAG", (_, call) => {
  const ask = (assertion: string, form: Readonly<Record<string, string>> = {}) =>
    call(running.url, {
      form: { grant_type: JWT_BEARER, assertion, client_id: "agent", client_secret: SECRET, ...form },
    });

  test("is a token for its user with the client as actor", async () => {
    const outcome = await ask(idJag({ scope: "read write" }), { scope: "write" });
    expect(claimsOf(outcome.token ?? "")).toMatchObject({
      sub: "corp:ada",
      client_id: "agent",
      act: { sub: "agent" },
      scope: "write",
    });
  });

  test("is taken beside credentials in Basic", async () => {
    const form = { grant_type: JWT_BEARER, assertion: idJag() };
    const outcome = await call(running.url, { form, authorization: basic(`agent:${SECRET}`) });
    expect(claimsOf(outcome.token ?? "")).toMatchObject({ sub: "corp:ada", act: { sub: "agent" } });
  });

  test.each<[string, Readonly<Record<string, unknown>>, Readonly<Record<string, string>>, string]>([
    ["for another client is invalid_grant", { client_id: "other" }, {}, "invalid_grant"],
    ["for two servers is invalid_grant", { aud: [ISSUER, CLUSTER] }, {}, "invalid_grant"],
    ["without a jti is invalid_grant", { jti: undefined }, {}, "invalid_grant"],
    ["beyond whose scope is asked is invalid_scope", { scope: "read" }, { scope: "write" }, "invalid_scope"],
    ["beyond whose resource is asked is invalid_target", { resource: CLUSTER }, { resource: ISSUER }, "invalid_target"],
    ["beside a wrong secret is invalid_client", {}, { client_secret: "wrong" }, "invalid_client"],
    ["beside no secret is invalid_client", {}, { client_secret: "" }, "invalid_client"],
  ])("%s", async (_what, changes, form, oauth) => {
    expect(await ask(idJag(changes), form)).toMatchObject({ oauth, token: undefined });
  });
});

test("metrics and audit name the rule; no label names a derived client", async () => {
  const metrics = await (await fetch(`${running.adminUrl}/metrics`)).text();
  expect(metrics).toMatch(/^icemint_workload_requests_total\{rule="shop",outcome="ok"\} \d+$/m);
  expect(metrics).not.toContain("shop/orders");
  expect(running.log.some((line) => line.includes('"client":"shop/orders","rule":"shop"'))).toBe(true);
});
