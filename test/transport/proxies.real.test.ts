/** The built server behind the proxies that people put before it: what each hands on, changes or answers itself. */
import { createHash, randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { connect } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { TokenService } from "../../src/gen/icemint/v1/token_service_pb.js";
import { unsecuredJwt } from "../e2e/identity-provider.js";
import { eventually } from "../support/eventually.js";
import { freePort } from "../support/free-port.js";
import { exchangeRaw } from "../support/raw-http.js";
import { RedisProcess } from "../support/redis-process.js";
import { ServerProcess } from "../support/server-process.js";
import { ask, formBytes, type Json, post } from "./support/form-calls.js";
import { type Proxy, PROXIES, type ProxyKind } from "./support/proxy.js";

const secret = generateSecret(randomBytes);
const own = { client_id: "orders", client_secret: secret };
const grant = { grant_type: "client_credentials", scope: "catalog" };
/** The proxy under test, one that stands before it, and a caller who is neither. */
const PROXY = "127.0.0.1";
const OUTER_PROXY = "127.0.0.3";
const STRANGER = "127.0.0.2";
const settings = {
  http: { trusted_proxies: [PROXY, OUTER_PROXY] },
  clients: [
    {
      id: "orders",
      secrets: [{ sha256: createHash("sha256").update(secret).digest("hex") }],
      grants: ["client_credentials", "token_exchange", "refresh_token"],
      permissions: ["revoke", "introspect"],
      unsecured_subjects: { allow: ["user-*"] },
    },
  ],
};
const GARBAGE = "\x16\x03\x01 this is no HTTP\r\n\r\n";

const portOf = (url: string): number => Number(new URL(url).port);

/** A refresh token of a new session. */
async function refreshToken(url: string): Promise<string> {
  const { body } = await post(`${url}/v1/oauth/tokens`, {
    ...own,
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: unsecuredJwt({ sub: "user-a", iat: Math.floor(Date.now() / 1000) }),
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  });
  return String(body["refresh_token"]);
}

const rpc = (clientSecret: string) => ({
  clientId: "orders",
  clientSecret,
  grant: { case: "clientCredentials" as const, value: {} },
});

/** Of the token port, as the metric says. */
async function openConnections(server: ServerProcess): Promise<number> {
  const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const [, value] = /^icemint_connections (\d+)$/m.exec(metrics) ?? [];
  expect(value).toBeDefined();
  return Number(value);
}

/** The address in the audit line of a request. */
async function addressInLog(server: ServerProcess, requestId: string): Promise<unknown> {
  const line = () => server.log().find((entry) => entry["request_id"] === requestId && "address" in entry);
  await eventually(`an audit line of ${requestId}`, () => line() !== undefined);
  return line()?.["address"];
}

function suite(kind: ProxyKind): void {
  let server: ServerProcess;
  let proxy: Proxy;
  let tokens: string;
  beforeAll(async () => {
    server = await ServerProcess.start({ settings });
    proxy = await kind.start({ backendPort: portOf(server.url) });
    tokens = `${proxy.url}/v1/oauth/tokens`;
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test("a good request before garbage is answered first, and its refresh token is used once", async () => {
    const token = await refreshToken(proxy.url);
    const pieces = [formBytes({ ...own, grant_type: "refresh_token", refresh_token: token }) + GARBAGE];
    const { answers, closed } = await exchangeRaw(proxy.port, { pieces });
    expect(answers.map(({ status }) => status)).toEqual([200, 400]);
    expect(closed).toBe(true);
    const next = String((JSON.parse(answers[0]?.body ?? "") as Json)["refresh_token"]);
    expect(next).not.toBe(token);
    const after = await post(tokens, { ...own, grant_type: "refresh_token", refresh_token: next });
    expect(after.status).toBe(200);
    const { sid, jti } = decodeJwt(String(after.body["access_token"]));
    await eventually("the audit line of the last token", () => server.log().some((entry) => entry["jti"] === jti));
    const refreshes = server.log().filter((entry) => entry["session"] === sid && entry["grant"] === "refresh_token");
    expect(refreshes.map(({ event }) => event)).toEqual(["token_issued", "token_issued"]);
  });

  // Envoy drops a wish for h2c, and refuses any other that its settings do not allow (`upgrade_configs`).
  const refused = kind.name === "envoy" ? ["TLS/1.2", "websocket"] : [];
  const ignored = ["h2c", "TLS/1.2", "websocket"].filter((wish) => !refused.includes(wish));
  const wishing = (wish: string) => formBytes({ ...own, ...grant }, `Connection: Upgrade\r\nUpgrade: ${wish}\r\n`);
  const next = formBytes({ ...own, ...grant });

  test.each(ignored)("a request behind one that asks for %s is answered", async (wish) => {
    const { answers } = await exchangeRaw(proxy.port, { pieces: [wishing(wish) + next], until: 2 });
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });

  test.each(refused)(
    "a request that asks for %s is refused by the proxy, which closes the connection",
    async (wish) => {
      const exchange = await exchangeRaw(proxy.port, { pieces: [wishing(wish) + next], patienceMs: 5000 });
      expect(exchange).toMatchObject({ answers: [{ status: 403, body: "" }], closed: true });
      expect(exchange.answers[0]?.headers.has("x-request-id")).toBe(false);
    },
  );

  test.each([
    ["an id", "orders"],
    ["no id", ""],
  ])("Basic with %s and a secret gets a token", async (_what, id) => {
    const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
    const { status, body } = await post(tokens, grant, { authorization });
    expect({ status, body }).toMatchObject({ status: 200, body: { token_type: "bearer" } });
  });

  test("an empty client_id counts as absent", async () => {
    const { status } = await post(tokens, { ...grant, client_id: "", client_secret: secret });
    expect(status).toBe(200);
  });

  test.each([
    ["strips", true],
    ["keeps", false],
  ])(
    "every endpoint that metadata names answers there, where the proxy %s the issuer's path",
    async (_what, strips) => {
      const port = await freePort();
      const issuer = `http://127.0.0.1:${port}/tokens/`;
      await using below = await ServerProcess.start({ settings: { ...settings, issuer } });
      await using gateway = await kind.start({
        backendPort: portOf(below.url),
        port,
        ...(strips && { stripped: "/tokens" }),
      });
      const read = async (url: string): Promise<Json> => {
        const response = await fetch(url);
        expect(response.status, url).toBe(200);
        return (await response.json()) as Json;
      };
      const oauth = await read(`${gateway.url}/.well-known/oauth-authorization-server/tokens`);
      const openId = await read(`${issuer}.well-known/openid-configuration`);
      expect(openId).toMatchObject(oauth);
      expect(oauth["issuer"]).toBe(issuer);
      const named = (member: string): string => String(oauth[member]);
      const urls = Object.keys(oauth).filter((member) => /^https?:/.test(named(member)) && member !== "issuer");
      expect(urls.toSorted()).toEqual([
        "authorization_endpoint",
        "introspection_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "service_documentation",
        "token_endpoint",
      ]);
      for (const member of urls) expect(named(member)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/tokens\/[^/]/);

      const { body } = await post(named("token_endpoint"), { ...own, ...grant });
      const token = { ...own, token: String(body["access_token"]) };
      expect((await post(named("introspection_endpoint"), token)).body).toMatchObject({ active: true, iss: issuer });
      expect((await post(named("revocation_endpoint"), token)).status).toBe(200);
      expect((await post(named("introspection_endpoint"), token)).body).toEqual({ active: false });
      expect(await read(named("jwks_uri"))).toMatchObject({ keys: [{ kty: "EC" }] });
      expect((await fetch(named("service_documentation"))).status).toBe(200);
      expect(await (await fetch(named("authorization_endpoint"))).json()).toMatchObject({
        error: "unsupported_response_type",
      });
    },
  );

  test("one connection carries many requests, and another one takes them to the server", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const before = await openConnections(server);
    const answers = [];
    for (let count = 0; count < 20; count++) answers.push(await ask(tokens, { agent, form: { ...own, ...grant } }));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(answers.map(({ reused }) => reused)).toEqual([false, ...Array.from({ length: 19 }, () => true)]);
    const after = await openConnections(server);
    agent.destroy();
    expect(after).toBeGreaterThanOrEqual(1); // none, if each request had one of its own
    expect(after).toBeLessThanOrEqual(before + 1);
  });

  describe.each([
    ["a stranger's claim to come from elsewhere is not believed", STRANGER, STRANGER],
    ["a trusted proxy's word where a request comes from is", OUTER_PROXY, "198.51.100.7"],
  ])("%s", (_rule, localAddress, expected) => {
    const headers = { "x-forwarded-for": "198.51.100.7" };

    test("over HTTP/1.1", async () => {
      const answer = await ask(tokens, { localAddress, headers, form: { ...own, ...grant } });
      expect(await addressInLog(server, String(answer.headers["x-request-id"]))).toBe(expected);
    });

    test("over gRPC", async () => {
      const transport = createGrpcTransport({
        baseUrl: proxy.grpcUrl,
        nodeOptions: {
          createConnection: () => connect({ port: portOf(proxy.grpcUrl), host: "127.0.0.1", localAddress }),
        },
      });
      let requestId = "";
      const onHeader = (answered: Headers) => (requestId = answered.get("x-request-id") ?? "");
      await createClient(TokenService, transport).getToken(rpc(secret), { headers, onHeader });
      expect(await addressInLog(server, requestId)).toBe(expected);
    });
  });

  test("header fields of 31 KiB reach the server, and more are its refusal", async () => {
    const padding = (size: number) => ({ authorization: `Bearer ${"x".repeat(size)}` });
    const taken = await ask(`${proxy.url}/errors`, { headers: padding(31 * 1024) });
    expect(taken.status).toBe(200);
    const tooMany = await ask(`${proxy.url}/errors`, { headers: padding(40 * 1024) });
    expect(tooMany.status).toBe(431);
    expect(tooMany.body).toContain("larger than 32 KiB");
  });

  test("gRPC calls and refusals pass, with what comes in trailers", async () => {
    const client = createClient(TokenService, createGrpcTransport({ baseUrl: proxy.grpcUrl }));
    expect(await client.getToken(rpc(secret))).toMatchObject({ tokenType: "bearer" });
    const refusal = await client.getToken(rpc("wrong")).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConnectError);
    expect(refusal).toMatchObject({ code: Code.Unauthenticated });
    expect((refusal as ConnectError).details).not.toEqual([]);
  });

  test("many gRPC calls at once are all answered", async () => {
    const client = createClient(TokenService, createGrpcTransport({ baseUrl: proxy.grpcUrl }));
    const answers = await Promise.all(Array.from({ length: 300 }, () => client.getToken(rpc(secret))));
    expect(new Set(answers.map(({ accessToken }) => accessToken)).size).toBe(300);
  });

  test("503 passes with Retry-After and body as the server said it", async () => {
    await using redis = await RedisProcess.start();
    const issuer = "https://tokens.example.com";
    const sealing = { ICEMINT_SEALING_KEY: randomBytes(32).toString("base64") };
    await using shared = await ServerProcess.start({
      settings: { ...settings, issuer, redis: { url: redis.url } },
      env: sealing,
    });
    await using before = await kind.start({ backendPort: portOf(shared.url) });
    const form = { ...own, grant_type: "refresh_token", refresh_token: await refreshToken(before.url) };
    await redis[Symbol.asyncDispose]();
    const direct = await post(`${shared.url}/v1/oauth/tokens`, form);
    const through = await post(`${before.url}/v1/oauth/tokens`, form);
    expect(direct).toMatchObject({ status: 503, body: { error: "temporarily_unavailable" } });
    expect(direct.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(through).toMatchObject({ status: 503, body: direct.body });
    expect(through.headers.get("retry-after")).toBe(direct.headers.get("retry-after"));
    expect(through.headers.get("cache-control")).toBe("no-store");
  });
}

for (const kind of PROXIES) {
  describe.skipIf(kind.program.missing)(`behind ${kind.name}${kind.program.reason}`, () => suite(kind));
}
