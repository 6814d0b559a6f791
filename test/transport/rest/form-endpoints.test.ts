/** Revocation, introspection and what is common to the form endpoints, over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SECRET, sendRaw, startServer, type TestServer } from "../support/fake-core.js";
import { http2Request } from "../support/raw-http2.js";
import { requestHttp2 } from "../support/token-callers.js";

let running: TestServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.server.close());

const client = { client_id: "spark", client_secret: SECRET };
const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(running.url + path, { method: "POST", body: new URLSearchParams(form), headers });

describe("the revocation endpoint (RFC 7009)", () => {
  test("answers 200 with no body, whatever the hint", async () => {
    const response = await post("/v1/oauth/revoke", { ...client, token: "t", token_type_hint: "cow" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(running.seen.revocations.at(-1)).toMatchObject({ target: { kind: "token", token: "t" } });
  });
});

describe("the introspection endpoint (RFC 7662)", () => {
  test("answers what the core says", async () => {
    const live = await post("/v1/oauth/introspect", { ...client, token: "live" });
    expect(await live.json()).toEqual({ active: true, sub: "alice", exp: 1, act: { sub: "etl" } });
    const dead = await post("/v1/oauth/introspect", { ...client, token: "dead" });
    expect(await dead.json()).toEqual({ active: false });
  });

  test("answers with a signed JWT where that is asked for (RFC 9701)", async () => {
    const accept = "application/token-introspection+jwt";
    const response = await post("/v1/oauth/introspect", { ...client, token: "live" }, { accept });
    expect(response.headers.get("content-type")).toBe(accept);
    expect(await response.text()).toBe("signed.introspection.jwt");
  });
});

describe("a refusal", () => {
  test("names the scheme that failed", async () => {
    const grant = { grant_type: "client_credentials" };
    const bearer = await post("/v1/oauth/tokens", grant, { authorization: "Bearer x" });
    expect(bearer.headers.get("www-authenticate")).toBe('Bearer realm="icemint", error="invalid_token"');
    const none = await post("/v1/oauth/tokens", grant);
    expect(none.headers.get("www-authenticate")).toBe('Basic realm="icemint", charset="UTF-8"');
  });

  test("by overload comes before the core, with Retry-After: 1, while documents are still served", async () => {
    running.state.overloaded = true;
    const before = running.seen.tokens.length;
    const response = await post("/v1/oauth/tokens", { grant_type: "client_credentials", ...client });
    running.state.overloaded = false;
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await response.json()).toMatchObject({ error: "temporarily_unavailable" });
    expect(running.seen.tokens).toHaveLength(before);
    expect(running.seen.refused.at(-1)?.error.reason).toBe("OVERLOADED");
  });

  test("for lack of room comes when more requests are inside than may be", async () => {
    await using small = await startServer({
      limits: { maxConnections: 100, connectionsPerAddress: 1000, maxInFlight: 2 },
    });
    const body = () => new URLSearchParams({ grant_type: "client_credentials", ...client, scope: "slow" });
    const send = () => fetch(`${small.url}/v1/oauth/tokens`, { method: "POST", body: body() });
    const statuses = (await Promise.all([send(), send(), send(), send()])).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 503, 503]);
    expect((await send()).status).toBe(200);
    expect(small.server.connections()).toMatchObject({ inFlight: 0, turnedAway: 2 });
  });

  test("leaves the core as an answer does, at once or later, over both transports", async () => {
    await using one = await startServer();
    const form = (scope: string) =>
      fetch(`${one.url}/v1/oauth/tokens`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials", ...client, scope }),
      });
    const rpc = (scope: string) =>
      fetch(`${one.url}/icemint.v1.TokenService/GetToken`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          clientCredentials: {},
          clientId: client.client_id,
          clientSecret: client.client_secret,
          scope,
        }),
      });
    for (const send of [form, rpc]) {
      const answers = await Promise.all(["catalog", "slow", "throw:slow_down"].map(send));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    }
    expect(one.server.connections().inFlight).toBe(0);
  });

  test("that the core did not see is told to the audit, once, with the request id of the answer", async () => {
    const before = running.seen.refused.length;
    const response = await post("/v1/oauth/tokens", { grant_type: "password" });
    expect(running.seen.refused).toHaveLength(before + 1);
    const { caller, error } = running.seen.refused[before] ?? {};
    expect(caller?.requestId).toBe(response.headers.get("x-request-id"));
    expect(error?.code).toBe("unsupported_grant_type");
    await post("/v1/oauth/tokens", { grant_type: "client_credentials", ...client, client_secret: "no" });
    expect(running.seen.refused).toHaveLength(before + 1); // the core tells its own
  });
});

describe("over HTTP/2", () => {
  const headers = {
    ":method": "POST",
    ":path": "/v1/oauth/tokens",
    "content-type": "application/x-www-form-urlencoded",
  };

  test("a body that is too large is refused at once", async () => {
    const response = await requestHttp2(running.url, { headers, body: "a".repeat(300_000) });
    expect([response.status, JSON.parse(response.body).error]).toEqual([400, "invalid_request"]);
  });

  test("two authorization fields are 400", async () => {
    const fields = Object.entries({ ":scheme": "http", ":authority": "x", ...headers });
    const request = http2Request(
      [...fields, ["authorization", "Basic a"], ["authorization", "Basic a"]],
      "grant_type=client_credentials",
    );
    expect(await sendRaw(running.port, request)).toContain("The Authorization header was sent more than once");
  });

  test("a method that is a member of Object.prototype is 405", async () => {
    const response = await requestHttp2(running.url, { headers: { ...headers, ":method": "constructor" } });
    expect([response.status, response.headers.allow]).toEqual([405, "POST"]);
  });

  test("an unknown path is 404, with the request id", async () => {
    const response = await requestHttp2(running.url, { headers: { ":path": "/nope", "x-request-id": "abc" } });
    expect([response.status, response.headers["x-request-id"]]).toEqual([404, "abc"]);
  });
});
