/**
 * Everything that the product says, searched for what it must not say. A wide set of requests, right and wrong, with
 * secrets, assertions and tokens in their places and in wrong ones; then the log at level debug, the metrics, the
 * traces, the documents and all answers.
 */
import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text as textOf } from "node:stream/consumers";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { TokenType } from "../../src/gen/icemint/v1/token_service_pb.js";
import { eventually } from "../support/eventually.js";
import { exchangeRaw } from "../support/raw-http.js";
import type { RunningApp } from "../support/running-app.js";
import { CREDENTIALS } from "./odd/credentials.js";
import { FORMS } from "./odd/forms.js";
import { FRAMING } from "./odd/framing.js";
import { GRANTS } from "./odd/grants.js";
import { TARGETS } from "./odd/targets.js";
import { grpcClient } from "./present-token.js";
import {
  byPost,
  EXCHANGE,
  freshAddress,
  IDP,
  idpKey,
  ISSUER,
  JWT_BEARER,
  login,
  now,
  ordersKey,
  postForm,
  secretOf,
  startWorld,
  typeUrn,
} from "./world.js";

const GENERATED = generateSecret(randomBytes);
const idpToken = idpKey.sign(
  { alg: "ES256", kid: "idp-1" },
  { iss: IDP, aud: ISSUER, sub: "alice", exp: now + 900, email: "alice@example.com", secret_claim: "marked-claim" },
);
const assertion = ordersKey.sign(
  { alg: "ES256", kid: "orders-1" },
  { iss: "orders", sub: "orders", aud: ISSUER, exp: now + 300, jti: "marked-jti" },
);

let app: RunningApp;
let own: string;
let refreshToken: string;
/** Answers to requests that failed, or that should hold no token. */
const answers: string[] = [];
/** What a collector of traces was sent. */
const traces: string[] = [];
const collector = createServer((request, response) => {
  void textOf(request)
    .then((body) => traces.push(`${request.url} ${JSON.stringify(request.headers)} ${body}`))
    .finally(() => response.end("{}"));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  app = await startWorld({
    telemetry: { otlp_endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` },
    clients: [
      {
        id: "spark",
        secrets: [{ sha256: digest(secretOf("spark")) }, { sha256: digest(GENERATED) }],
        grants: ["client_credentials", "token_exchange", "refresh_token"],
        permissions: ["introspect", "revoke", "watch_revocations", "rotate_keys"],
      },
      { id: "orders", jwks: { keys: [ordersKey.jwk] } },
      { id: "pod", federated: [{ issuer: IDP, subject: "alice" }], grants: ["client_credentials"] },
    ],
  });
  own = await login(app, "spark");
  const { json } = await exchange({ subject_token: idpToken, subject_token_type: typeUrn("jwt") });
  refreshToken = String(json["refresh_token"]);
  await beRight();
  await beWrong();
  await beOdd();
  await callByRpc();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  collector.close();
});

function digest(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

function exchange(form: Record<string, string>, headers: Record<string, string> = {}) {
  return postForm(app, { grant_type: EXCHANGE, ...byPost("spark"), ...form }, headers);
}

const CC = { grant_type: "client_credentials" };
const assertionOf = (jwt: string) => ({ client_assertion: jwt, client_assertion_type: JWT_BEARER });
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Requests that succeed: their log lines are the interesting part. */
async function beRight(): Promise<void> {
  const own2 = { subject_token: own, subject_token_type: typeUrn("access_token") };
  const done = await Promise.all([
    postForm(app, CC, basic(`spark:${secretOf("spark")}`)),
    postForm(app, { ...CC, client_secret: GENERATED }),
    postForm(app, { ...CC, ...assertionOf(assertion) }),
    postForm(app, { ...CC, client_secret: idpToken }),
    exchange(own2),
    postForm(app, { grant_type: EXCHANGE, ...own2 }, bearer(own)),
    exchange({
      subject_token: idpToken,
      subject_token_type: typeUrn("id_token"),
      actor_token: own,
      actor_token_type: typeUrn("access_token"),
    }),
    postForm(app, { grant_type: "refresh_token", refresh_token: refreshToken, ...byPost("spark") }),
    postForm(app, { token: own, ...byPost("spark") }, {}, "/v1/oauth/introspect"),
    postForm(app, { token: refreshToken, ...byPost("spark") }, {}, "/v1/oauth/introspect"),
    postForm(app, { token: "x" }, bearer(own), "/v1/oauth/introspect"),
  ]);
  expect(done.map(({ status }) => status)).toEqual(done.map(() => 200));
}

/** Requests that fail, with secrets and tokens in their places and in each other's. */
async function beWrong(): Promise<void> {
  const values = { secret: secretOf("spark"), generated: GENERATED, own, refreshToken, idpToken, assertion };
  const names = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "refresh_token",
    "grant_type",
  ];
  const wrongly = Object.values(values).flatMap((value) => [
    ...names.map((name) => postForm(app, { ...CC, [name]: `${value}x` })),
    ...names.map((name) => exchange({ subject_token: "x", subject_token_type: typeUrn("jwt"), [name]: `${value}x` })),
    postForm(app, CC, basic(`${value}:x`)),
    postForm(app, CC, basic(`spark:${value}x`)),
    postForm(app, CC, { authorization: value }),
    postForm(app, CC, { authorization: `Token ${value}` }),
    postForm(app, { grant_type: EXCHANGE }, bearer(`${value}x`)),
    postForm(app, { token: value, client_id: "spark", client_secret: "x" }, {}, "/v1/oauth/introspect"),
    postForm(app, { token: `${value}x` }, bearer(`${value}x`), "/v1/oauth/revoke"),
    postForm(app, CC, { "user-agent": value, referer: `https://x/?${value}`, cookie: value, traceparent: value }),
    postForm(app, CC, {}, `/v1/oauth/tokens?client_secret=${value}`),
    postForm(app, CC, {}, `/${value}`),
    postForm(app, CC, { "content-type": value.slice(0, 200) }),
    postForm(app, { ...CC, ...byPost("spark"), ...assertionOf(value) }),
  ]);
  for (const { status, text } of await Promise.all(wrongly)) {
    if (status !== 200) answers.push(text);
  }
}

/** All odd requests of the other tests, which hold the secret of client spark. */
async function beOdd(): Promise<void> {
  const requests = [...TARGETS, ...FRAMING, ...FORMS, ...CREDENTIALS, ...GRANTS];
  for (let at = 0; at < requests.length; at += 50) {
    const batch = requests
      .slice(at, at + 50)
      .map(({ sending }) => exchangeRaw(app.port, { patienceMs: 500, ...sending }));
    for (const { answers: received, rest } of await Promise.all(batch)) {
      answers.push(rest, ...received.filter(({ status }) => status !== 200).map(({ body }) => body));
    }
  }
}

async function callByRpc(): Promise<void> {
  const client = grpcClient(app);
  const spark = { clientId: "spark", clientSecret: secretOf("spark") };
  const options = () => ({ headers: { "x-forwarded-for": freshAddress() } });
  const clientCredentials = { case: "clientCredentials", value: {} } as const;
  const exchanging = (subjectToken: string) =>
    ({ case: "tokenExchange", value: { subjectToken, subjectTokenType: TokenType.ACCESS_TOKEN } }) as const;
  await client.getToken({ ...spark, grant: clientCredentials }, options());
  await client.introspectToken({ ...spark, token: own }, options());
  const failing = [
    client.getToken({ grant: clientCredentials, clientId: "spark", clientSecret: `${secretOf("spark")}x` }, options()),
    client.getToken({ grant: clientCredentials, clientId: secretOf("spark"), clientSecret: "x" }, options()),
    client.getToken({ grant: clientCredentials, clientAssertion: `${assertion}x` }, options()),
    client.getToken({ ...spark, grant: exchanging(`${own}x`) }, options()),
    client.getToken(
      { ...spark, grant: { case: "refreshToken", value: { refreshToken: `${refreshToken}x` } } },
      options(),
    ),
    client.introspectToken({ token: own, clientId: "spark", clientSecret: "x" }, options()),
    client.revokeToken({ ...spark, target: { case: "session", value: `${own}x` } }, options()),
  ];
  for (const outcome of await Promise.allSettled(failing)) {
    expect(outcome.status).toBe("rejected");
    if (outcome.status === "rejected")
      answers.push(Code[Number(outcome.reason.code)] ?? "", String(outcome.reason), JSON.stringify(outcome.reason));
  }
}

/** What nobody may find: secrets whole or cut, as base64, as digest, and the parts of tokens. */
function marks(): readonly string[] {
  const tokens = [own, refreshToken, idpToken, assertion];
  const parts = tokens.flatMap((token) => token.split(".")).filter((part) => part.length >= 16);
  const secrets = [secretOf("spark"), GENERATED];
  return [
    "marked-secret",
    "marked-claim",
    GENERATED.slice(0, 20),
    ...secrets.flatMap((secret) => [digest(secret), Buffer.from(`spark:${secret}`).toString("base64").slice(0, 40)]),
    // The header of a token says nothing but whose it is.
    ...parts.filter((part) => !Buffer.from(part, "base64url").toString().startsWith('{"alg"')),
    "PRIVATE KEY",
  ];
}

function found(text: string): readonly string[] {
  return marks().filter((mark) => text.includes(mark));
}

// SECURITY.md: "No secret is shown".
describe("nothing that must be kept is in", () => {
  test("the log, at level debug", () => {
    expect(app.log.length).toBeGreaterThan(500);
    expect(found(app.log.join(""))).toEqual([]);
  });

  test("the answers to what failed", () => {
    expect(answers.length).toBeGreaterThan(500);
    expect(found(answers.join("\n"))).toEqual([]);
  });

  test("the answers to what failed: no stack, no path of the server's and no name of its parts", () => {
    const text = answers.join("\n");
    for (const inner of [
      "node_modules",
      "/src/",
      ".ts:",
      ".js:",
      "at Object.",
      "TypeError",
      "SyntaxError",
      "ECONN",
      "redis",
      "jose",
      "zod",
    ]) {
      expect([inner, text.includes(inner)]).toEqual([inner, false]);
    }
  });

  test("the metrics, nor anything that a caller chose", async () => {
    const metrics = await (await fetch(`${app.adminUrl}/metrics`)).text();
    expect(metrics).toContain("icemint_build_info");
    expect(found(metrics)).toEqual([]);
    for (const chosen of ["nobody", "PRINCIPAL_ROLE", "alice", "evil", "10.0."]) expect(metrics).not.toContain(chosen);
  });

  test("the traces, nor anything that a caller chose", async () => {
    const spans = () => traces.join("").match(/"spanId"/g)?.length ?? 0;
    await eventually("the spans of 100 requests have been sent", () => spans() > 100, 10_000);
    expect(found(traces.join(""))).toEqual([]);
    for (const chosen of ["nobody", "PRINCIPAL_ROLE", "alice", "evil", "10.0."]) {
      expect(traces.join("")).not.toContain(chosen);
    }
  });

  test("the documents that everybody may read", async () => {
    for (const path of ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/errors"]) {
      const text = await (await fetch(app.url + path)).text();
      expect(found(text)).toEqual([]);
      expect(text).not.toMatch(/"(d|p|q|dp|dq|qi|k)":/);
    }
  });

  test("the log of an introspection: what the token says stays with the caller", () => {
    const lines = app.log.filter((line) => line.includes('"event":"introspected"'));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("")).not.toContain("alice");
  });
});

describe("the log still tells what an operator needs", () => {
  test("each refusal has its request id, its reason and the caller's address, and each token its client", () => {
    const records = app.log
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ audit }) => audit === true);
    const refused = records.filter(({ event }) => event === "token_refused" || event === "request_refused");
    const issued = records.filter(({ event }) => event === "token_issued");
    expect(refused.length).toBeGreaterThan(300);
    expect(issued.length).toBeGreaterThan(5);
    for (const record of refused) {
      expect(record).toMatchObject({
        request_id: expect.any(String),
        reason: expect.any(String),
        address: expect.any(String),
      });
    }
    for (const record of issued) {
      expect(record).toMatchObject({
        client: expect.any(String),
        session: expect.any(String),
        jti: expect.any(String),
      });
    }
  });
});
