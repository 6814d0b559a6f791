/** The RPCs beside GetToken: revocation, introspection, keys, the stream, health and reflection. */
import { once } from "node:events";
import http2 from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { KeyService, KeyState } from "../../../src/gen/icemint/v1/key_service_pb.js";
import {
  TokenService,
  WatchRevocationsRequestSchema,
  type WatchRevocationsResponse,
} from "../../../src/gen/icemint/v1/token_service_pb.js";
import { SECRET, startServer, type TestServer } from "../support/fake-core.js";

let running: TestServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.server.close());

const client = { clientId: "spark", clientSecret: SECRET };
const basic = { headers: { authorization: `Basic ${Buffer.from(`spark:${SECRET}`).toString("base64")}` } };
const tokens = () => createClient(TokenService, createGrpcTransport({ baseUrl: running.url }));
const refused = (code: Code, reason: string) => async (error: unknown) => {
  const { code: found, ...rest } = ConnectError.from(error);
  expect({ code: found, info: ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason, rest }).toMatchObject({
    code,
    info: reason,
  });
};

test("calls at the same time are each their own caller's", async () => {
  const ids = Array.from({ length: 50 }, (_, at) => `call-${at}`);
  const calls = ids.map((id) =>
    tokens().getToken(
      { ...client, grant: { case: "clientCredentials", value: {} }, scope: id },
      { headers: { "x-request-id": id } },
    ),
  );
  expect((await Promise.all(calls)).map(({ scope }) => scope)).toEqual(ids);
  const seen = running.seen.tokens.map(({ scope, caller }) => [scope, caller.requestId]);
  for (const id of ids) expect(seen).toContainEqual([id, id]);
});

describe("RevokeToken", () => {
  test.each([
    [
      { case: "token", value: "t" },
      { kind: "token", token: "t" },
    ],
    [
      { case: "session", value: "s" },
      { kind: "session", sessionId: "s" },
    ],
    [
      { case: "subject", value: "u" },
      { kind: "subject", subject: "u" },
    ],
    [
      { case: "client", value: "c" },
      { kind: "client", clientId: "c" },
    ],
    [
      { case: "workload", value: "w" },
      { kind: "workload", rule: "w" },
    ],
    [{ case: "everything", value: true }, { kind: "everything" }],
  ] as const)("passes on its target: %o", async (target, expected) => {
    await tokens().revokeToken({ target, ...client });
    expect(running.seen.revocations.at(-1)?.target).toEqual(expected);
  });

  test.each([{ case: undefined }, { case: "token", value: "" }, { case: "everything", value: false }] as const)(
    "refuses %o",
    async (target) => {
      await expect(tokens().revokeToken({ target, ...client })).rejects.toThrow("[invalid_argument]");
    },
  );
});

describe("IntrospectToken", () => {
  test("answers with the claims of a live token, and nothing about a dead one", async () => {
    const live = await tokens().introspectToken({ token: "live", ...client });
    expect(live).toMatchObject({ active: true, claims: { sub: "alice", exp: 1, act: { sub: "etl" } } });
    const dead = await tokens().introspectToken({ token: "dead", ...client });
    expect([dead.active, dead.claims]).toEqual([false, undefined]);
  });
});

describe("GetKeys", () => {
  test("answers anyone with the JWKS and its age", async () => {
    const { keys, maxAge } = await tokens().getKeys({});
    expect(keys).toMatchObject([{ kid: "kid-1", kty: "EC", use: "sig", alg: "ES256" }]);
    expect(maxAge?.seconds).toBe(900n);
  });

  // SECURITY.md: "No secret is shown".
  test("may be asked by GET, which caches can hold; GetToken may not", async () => {
    const query = "?connect=v1&encoding=json&message=%7B%7D";
    const keys = await fetch(`${running.url}/icemint.v1.TokenService/GetKeys${query}`);
    expect(keys.status).toBe(200);
    expect(keys.headers.get("x-request-id")).toMatch(/^[\w-]{22}$/);
    expect((await fetch(`${running.url}/icemint.v1.TokenService/GetToken${query}`)).status).toBe(405);
  });
});

describe("KeyService", () => {
  const keys = () => createClient(KeyService, createGrpcTransport({ baseUrl: running.url }));

  test("lists, rotates and revokes for one who may", async () => {
    const listed = await keys().listKeys({}, basic);
    expect(listed.keys).toMatchObject([{ kid: "kid-1", algorithm: "ES256", state: KeyState.ACTIVE }]);
    expect((await keys().rotateKeys({}, basic)).key).toMatchObject({ kid: "kid-2", state: KeyState.PUBLISHED });
    await keys().revokeKey({ kid: "kid-1" }, basic);
    await keys().revokeKey({ kid: "nope" }, basic).catch(refused(Code.NotFound, "KEY_UNKNOWN"));
    expect.assertions(3);
  });

  test("does nothing for anyone else", async () => {
    await expect(keys().listKeys({})).rejects.toThrow("[unauthenticated]");
    await expect(keys().rotateKeys({})).rejects.toThrow("[unauthenticated]");
    await expect(keys().revokeKey({ kid: "kid-1" })).rejects.toThrow("[unauthenticated]");
  });
});

describe("WatchRevocations", () => {
  const read = async (server: TestServer, count: number, cursor = "") => {
    const watcher = createClient(TokenService, createGrpcTransport({ baseUrl: server.url }));
    const messages: WatchRevocationsResponse[] = [];
    for await (const message of watcher.watchRevocations({ cursor, ...client })) {
      messages.push(message);
      if (messages.length === count) break;
    }
    return messages;
  };

  test("sends all in force, the mark, then what comes, each in its own words", async () => {
    await using server = await startServer();
    const revocations = [
      { kind: "session", sessionId: "s", expiresAt: 100_000 },
      { kind: "subject", subject: "u", notBefore: 7000, expiresAt: 100_000 },
      { kind: "client", clientId: "c", notBefore: 7000, expiresAt: 100_000 },
      { kind: "everything", notBefore: 7000, expiresAt: 100_000 },
      { kind: "key", kid: "k", expiresAt: 100_000 },
    ] as const;
    for (const revocation of revocations) server.feed.snapshot.push({ kind: "revocation", cursor: "", revocation });
    server.feed.push({ kind: "heartbeat", cursor: "e.1-0", viewAgeMs: 1500 });
    server.feed.push({ kind: "revocation", cursor: "e.2-0", revocation: revocations[0] });
    const messages = await read(server, 8);
    expect(messages.map(({ event }) => event.case)).toEqual([
      ...revocations.map(() => "revocation"),
      "caughtUp",
      "heartbeat",
      "revocation",
    ]);
    const targets = messages.flatMap(({ event }) => (event.case === "revocation" ? [event.value.target.case] : []));
    expect(targets).toEqual(["session", "subject", "client", "everything", "key", "session"]);
    expect(messages[1]?.event.value).toMatchObject({ notBeforeTime: { seconds: 7n }, expireTime: { seconds: 100n } });
    expect(messages[6]?.event.value).toMatchObject({ viewAge: { seconds: 1n, nanos: 500_000_000 } });
    expect(messages.slice(5).map(({ cursor }) => cursor)).toEqual(["e.1-0", "e.1-0", "e.2-0"]);
  });

  test("refuses one who may not, and a cursor that is gone", async () => {
    const watch = tokens().watchRevocations({ clientId: "spark", clientSecret: "no" });
    await watch[Symbol.asyncIterator]().next().catch(refused(Code.Unauthenticated, "CREDENTIALS_INVALID"));
    const gone = tokens().watchRevocations({ cursor: "gone", ...client });
    await gone[Symbol.asyncIterator]().next().catch(refused(Code.OutOfRange, "CURSOR_GONE"));
    expect.assertions(2);
  });

  test("ends at shutdown with the last cursor and UNAVAILABLE", async () => {
    const server = await startServer();
    const messages: WatchRevocationsResponse[] = [];
    const watched = (async () => {
      const watcher = createClient(TokenService, createGrpcTransport({ baseUrl: server.url }));
      for await (const message of watcher.watchRevocations(client)) {
        messages.push(message);
        if (message.event.case === "caughtUp") void server.server.drain({ delayMs: 0, graceMs: 2000 });
      }
    })();
    await watched.catch(refused(Code.Unavailable, "OVERLOADED"));
    expect(messages.map(({ event, cursor }) => [event.case, cursor])).toEqual([
      ["caughtUp", "e.1-0"],
      ["heartbeat", "e.1-0"],
    ]);
  });

  test("ends when the connection has reached its age, so that watchers spread too", async () => {
    await using server = await startServer({
      http: {
        tokenPaths: [],
        trustedProxies: [],
        corsOrigins: [],
        tls: undefined,
        reflection: false,
        maxConnectionAgeMs: 100,
      },
    });
    await expect(read(server, 99)).rejects.toThrow("[unavailable]");
  });

  test.each(["a cancelled call", "a lost connection"])("lets go of the feed after %s", async (ending) => {
    await using server = await startServer();
    const session = http2.connect(server.url);
    const body = toBinary(WatchRevocationsRequestSchema, create(WatchRevocationsRequestSchema, client));
    const stream = session.request({
      ":method": "POST",
      ":path": "/icemint.v1.TokenService/WatchRevocations",
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, body.length]), body]));
    await once(stream, "data");
    expect(server.feed.followers).toBe(1);
    if (ending === "a cancelled call") stream.close(http2.constants.NGHTTP2_CANCEL);
    else session.destroy();
    await expect.poll(() => server.feed.followers).toBe(0);
    session.destroy();
  });
});

describe("health", () => {
  const health = () => createClient(Health, createConnectTransport({ baseUrl: running.url, httpVersion: "1.1" }));

  test("answers for the server and for each service, and NOT_FOUND for others", async () => {
    for (const service of ["", "icemint.v1.TokenService", "icemint.v1.KeyService"]) {
      expect((await health().check({ service })).status).toBe(Status.SERVING);
    }
    await expect(health().check({ service: "nope" })).rejects.toThrow("[not_found]");
    expect(Object.keys((await health().list({})).statuses)).toContain("icemint.v1.TokenService");
  });

  test("says NOT_SERVING while keys or revocations are not loaded, and serves on in overload", async () => {
    running.state.ready = false;
    expect((await health().check({})).status).toBe(Status.NOT_SERVING);
    running.state.ready = true;
    running.state.overloaded = true;
    expect((await health().check({})).status).toBe(Status.SERVING);
    running.state.overloaded = false;
  });

  test("tells watchers of each change, and of the end", async () => {
    const server = await startServer();
    const watch = createClient(Health, createGrpcTransport({ baseUrl: server.url })).watch({});
    const seen: Status[] = [];
    const watched = (async () => {
      for await (const { status } of watch) {
        seen.push(status);
        if (seen.length === 1) server.state.ready = false;
        if (seen.length === 2) server.state.ready = true;
        if (seen.length === 3) void server.server.drain({ delayMs: 300, graceMs: 2000 });
      }
    })();
    await expect(watched).rejects.toThrow("[unavailable]");
    expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING, Status.SERVING, Status.NOT_SERVING]);
  });

  test("says SERVICE_UNKNOWN to one who watches a service that is not there", async () => {
    const watch = createClient(Health, createGrpcTransport({ baseUrl: running.url })).watch({ service: "x" });
    const first = await watch[Symbol.asyncIterator]().next();
    expect(first.value).toMatchObject({ status: Status.SERVICE_UNKNOWN });
  });
});

describe("cross-origin access", () => {
  const preflight = (origin: string, path = "/icemint.v1.TokenService/GetToken") =>
    fetch(running.url + path, { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } });

  test("is for the origins that are named, on RPCs only", async () => {
    const allowed = await preflight("https://app.example.com");
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
    expect(allowed.headers.get("access-control-allow-headers")).toMatch(/X-Grpc-Web/i);
    expect((await preflight("https://evil.example")).status).toBe(405);
    expect((await preflight("https://app.example.com", "/v1/oauth/tokens")).status).toBe(405);
  });

  test("is said on answers too, refused or not", async () => {
    for (const [origin, expected] of [
      ["https://app.example.com", "https://app.example.com"],
      ["https://evil.example", null],
    ] as const) {
      const response = await fetch(`${running.url}/icemint.v1.TokenService/GetToken`, {
        method: "POST",
        headers: { origin, "content-type": "application/json" },
        body: "{}",
      });
      expect(response.headers.get("access-control-allow-origin")).toBe(expected);
    }
  });
});

describe("a gRPC call of a method that is not there", () => {
  test("is answered UNIMPLEMENTED in gRPC's own way", async () => {
    const session = http2.connect(running.url);
    const stream = session.request({ ":method": "POST", ":path": "/a.B/C", "content-type": "application/grpc" });
    const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
    session.close();
    expect(headers).toMatchObject({ ":status": 200, "grpc-status": "12", "content-type": "application/grpc" });
  });
});
