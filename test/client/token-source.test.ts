import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type TokenSourceOptions, createTokenSource } from "../../src/client/client.js";
import { eventually } from "../support/eventually.js";
import { type ScriptedEndpoint, TOKEN_ANSWER, answering, startEndpoint } from "./scripted-endpoint.js";

const SECRET = "a-secret-that-nobody-may-see-0123";

let endpoint: ScriptedEndpoint;
beforeEach(async () => {
  endpoint = await startEndpoint();
});
afterEach(async () => {
  await endpoint[Symbol.asyncDispose]();
});

const source = (changes: Partial<TokenSourceOptions> = {}) =>
  createTokenSource({
    server: endpoint.url,
    clientId: "orders",
    clientSecret: SECRET,
    waitMs: 0,
    ...changes,
  });

describe("a request", () => {
  test("is a form with the credential in its body, and says only what was set", async () => {
    await using tokens = source();
    expect(await tokens.token()).toBe("t.o.k");
    expect(endpoint.asked).toMatchObject([{ method: "POST", path: "/v1/oauth/tokens" }]);
    expect(endpoint.asked[0]?.form).toEqual({
      grant_type: ["client_credentials"],
      client_id: ["orders"],
      client_secret: [SECRET],
    });
    expect(endpoint.asked[0]?.headers).not.toHaveProperty("authorization");
  });

  test("names scope, audiences and resources", async () => {
    await using tokens = source({ scope: "catalog admin", audience: ["a", "b"], resource: "https://c.example" });
    await tokens.token();
    expect(endpoint.asked[0]?.form).toMatchObject({
      scope: ["catalog admin"],
      audience: ["a", "b"],
      resource: ["https://c.example"],
    });
  });

  test("goes to another path where that is said", async () => {
    await using tokens = source({ server: `${endpoint.url}/base/`, tokenPath: "/oauth2/token" });
    await tokens.token();
    expect(endpoint.asked[0]?.path).toBe("/base/oauth2/token");
  });

  test("leaves no connection behind", async () => {
    await using tokens = source();
    await tokens.token();
    await eventually("the connection ends", async () => (await endpoint.connections()) === 0, 1000);
  });
});

describe("a credential", () => {
  test("in a file is read again for every request, and loses its final newline", async () => {
    const folder = mkdtempSync(join(tmpdir(), "icemint-client-"));
    try {
      const file = join(folder, "token");
      writeFileSync(file, "first\n");
      await using tokens = createTokenSource({ server: endpoint.url, assertionFile: file });
      const first = await tokens.token();
      writeFileSync(file, "second\n");
      tokens.invalidate(first);
      await tokens.token();
      expect(endpoint.asked.map(({ form }) => form["client_assertion"])).toEqual([["first"], ["second"]]);
      expect(endpoint.asked[0]?.form).not.toHaveProperty("client_id");
      expect(endpoint.asked[0]?.form["client_assertion_type"]).toEqual([
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("that a function gives may come later, and may name the client", async () => {
    await using tokens = createTokenSource({ server: endpoint.url, clientId: "orders", assertion: async () => "jwt" });
    await tokens.token();
    expect(endpoint.asked[0]?.form).toMatchObject({ client_id: ["orders"], client_assertion: ["jwt"] });
  });

  test("that cannot be read makes no request", async () => {
    await using tokens = createTokenSource({ server: endpoint.url, assertionFile: "/nowhere/at/all", waitMs: 0 });
    await expect(tokens.token()).rejects.toMatchObject({ code: "unavailable" });
    expect(endpoint.asked).toEqual([]);
  });

  test.each([
    ["no credential", {}],
    ["a secret without a client", { clientSecret: SECRET }],
  ])("must be there: %s", (_what, options) => {
    expect(() => createTokenSource({ server: endpoint.url, ...options } as TokenSourceOptions)).toThrow(TypeError);
  });
});

describe("an address", () => {
  test.each(["https://tokens.example.com", "http://localhost:1", "http://127.0.0.2", "http://[::1]:8181/base/"])(
    "may be https or loopback: %s",
    async (server) => {
      await using tokens = source({ server });
      expect(tokens).toBeDefined();
    },
  );

  test.each([
    "http://tokens.example.com",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://0.0.0.0",
    "ftp://tokens.example.com",
    "tokens.example.com",
    "https://user:pass@tokens.example.com",
    "https://tokens.example.com?a=b",
  ])("may not be anything else: %s", (server) => {
    expect(() => source({ server })).toThrow(TypeError);
  });

  test("may be http anywhere once that is said", async () => {
    await using tokens = source({ server: "http://tokens.internal", allowHttp: true });
    expect(tokens).toBeDefined();
  });
});

describe("an answer", () => {
  const CASES: readonly [what: string, answer: ReturnType<typeof answering>, expected: object][] = [
    [
      "401 invalid_client",
      answering(401, { error: "invalid_client" }),
      { code: "refused", oauthError: "invalid_client" },
    ],
    ["400 invalid_scope", answering(400, { error: "invalid_scope" }), { code: "refused", oauthError: "invalid_scope" }],
    ["404 of a wrong path", answering(404, "<html>"), { code: "refused", oauthError: undefined }],
    ["503", answering(503, {}, { "retry-after": "7" }), { code: "unavailable", retryAfterMs: 7000 }],
    [
      "429",
      answering(429, { error: "slow_down" }, { "retry-after": "2" }),
      { code: "unavailable", retryAfterMs: 2000 },
    ],
    [
      "500, and a date to wait for",
      answering(500, "", { "retry-after": "Fri, 31 Dec 1999 23:59:59 GMT" }),
      { code: "unavailable", retryAfterMs: undefined },
    ],
    ["504 of a proxy", answering(504, "<html>"), { code: "unavailable" }],
    ["200 and a page of HTML", answering(200, "<html>"), { code: "unavailable" }],
    ["200 and nothing", answering(200, ""), { code: "unavailable" }],
    ["200 without a token", answering(200, { ...TOKEN_ANSWER, access_token: undefined }), { code: "unavailable" }],
    [
      "a token with a line break",
      answering(200, { ...TOKEN_ANSWER, access_token: "a\r\nx: y" }),
      { code: "unavailable" },
    ],
    ["a token of another type", answering(200, { ...TOKEN_ANSWER, token_type: "mac" }), { code: "unavailable" }],
    ["expires_in 0", answering(200, { ...TOKEN_ANSWER, expires_in: 0 }), { code: "unavailable" }],
    ["expires_in as a string", answering(200, { ...TOKEN_ANSWER, expires_in: "3600" }), { code: "unavailable" }],
    ["300 kB", answering(200, " ".repeat(300 * 1024)), { code: "unavailable" }],
    ["a reset", (request) => request.socket.resetAndDestroy(), { code: "unavailable" }],
  ];

  test.each(CASES)("%s", async (_what, answer, expected) => {
    endpoint.answer = answer;
    await using tokens = source();
    await expect(tokens.token()).rejects.toMatchObject({ name: "TokenError", ...expected });
  });

  test("that redirects is not followed: the credential would go along", async () => {
    await using other = await startEndpoint();
    endpoint.answer = answering(307, "", { location: `${other.url}/v1/oauth/tokens` });
    await using tokens = source();
    await expect(tokens.token()).rejects.toMatchObject({ code: "refused" });
    expect(other.asked).toEqual([]);
  });

  test("never comes: closing ends the request, and all that wait for it", async () => {
    endpoint.answer = () => {};
    const tokens = source();
    const failed = expect(tokens.token()).rejects.toMatchObject({ code: "closed" });
    await eventually("the request is there", () => endpoint.asked.length === 1);
    await tokens.close();
    await failed;
    await eventually("the connection ends", async () => (await endpoint.connections()) === 0, 1000);
  });

  test("says when the token dies and what it is for", async () => {
    await using tokens = source();
    const before = Date.now();
    const { accessToken, expiresAt, scope } = await tokens.issued();
    expect({ accessToken, scope }).toEqual({ accessToken: "t.o.k", scope: "catalog" });
    expect(expiresAt).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + 3_600_000);
  });
});

test("no error tells the secret, whatever it prints", async () => {
  endpoint.answer = answering(401, { error: "invalid_client", error_description: `no such secret: ${SECRET}` });
  await using tokens = source({ waitMs: 0 });
  const error: unknown = await tokens.token().catch((thrown: unknown) => thrown);
  const { inspect } = await import("node:util");
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(SECRET);
});

test("a failure is told as it happens, also where a later attempt succeeds", async () => {
  const told: string[] = [];
  endpoint.answer = answering(503, {});
  await using tokens = source({
    waitMs: 5000,
    onFailure: ({ message }) => {
      told.push(message);
      endpoint.answer = answering(200, TOKEN_ANSWER);
    },
  });
  expect(await tokens.token()).toBe("t.o.k");
  expect(told).toEqual(["the token endpoint answered 503"]);
});
