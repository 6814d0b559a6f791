import { Code } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { type VerifierDependencies, type VerifierOptions, createVerifier } from "../../src/verifier/verifier.js";
import { FakeTime } from "../support/fake-time.js";
import { AUDIENCE, FakeServer, ISSUER, fakeKey } from "./fake-server.js";

const MINUTE = 60_000;

/** A verifier of a fake server; `connect` lets it load everything. */
function setUp(options: Partial<VerifierOptions> = {}, dependencies: VerifierDependencies = {}) {
  const time = new FakeTime();
  const server = new FakeServer();
  const key = fakeKey(time.clock);
  server.keys = [key.jwk];
  const problems: unknown[] = [];
  const verifier = createVerifier(
    {
      server: ISSUER,
      audience: AUDIENCE,
      clientId: "catalog",
      clientSecret: "a-secret",
      onProblem: (problem: unknown) => problems.push(problem),
      ...options,
    },
    {
      transport: server.transport,
      clock: time.clock,
      pause: time.pause,
      random: () => 0,
      ...dependencies,
    },
  );
  onTestFinished(() => verifier.close());
  const connect = async (): Promise<void> => {
    await time.pass(0);
    server.stream.caughtUp();
    await verifier.ready(1000);
  };
  /** Lets it find the server again. */
  const reconnect = async (): Promise<void> => {
    const before = server.streams.length;
    server.failing = undefined;
    for (let second = 0; second < 40 && server.streams.length === before; second += 1) await time.pass(1000);
    server.stream.caughtUp();
    await time.pass(0);
  };
  const fault = async (token: string, requirements = {}): Promise<string> => {
    try {
      await verifier.verify(token, requirements);
      return "accepted";
    } catch (error) {
      return String((error as { fault?: string }).fault);
    }
  };
  return { time, server, key, problems, verifier, connect, reconnect, fault };
}

describe("a token", () => {
  test("that is live, ours and for us is accepted, and says what it holds", async () => {
    const { key, verifier, connect } = setUp();
    await connect();
    const token = key.token({ act: { sub: "trino" }, email: "alice@example.com", psid: ["older"] });
    expect(await verifier.verify(token)).toMatchObject({
      subject: "alice",
      clientId: "spark",
      actor: { sub: "trino" },
      scope: ["catalog"],
      audience: [AUDIENCE],
      claims: { email: "alice@example.com" },
    });
  });

  test.each([
    ["another issuer", { iss: "https://other.example" }, "not_ours"],
    ["an issuer that only begins like ours", { iss: `${ISSUER}/` }, "not_ours"],
    ["another audience", { aud: "https://other.example" }, "audience"],
    ["no audience", { aud: undefined }, "audience"],
    ["an audience that only begins like ours", { aud: `${AUDIENCE}/x` }, "audience"],
    ["ours among several audiences", { aud: ["https://other.example", AUDIENCE] }, "accepted"],
    ["no session", { sid: undefined }, "not_ours"],
    ["no times", { exp: undefined }, "not_ours"],
  ])("of %s", async (_what, claims, expected) => {
    const { key, connect, fault } = setUp();
    await connect();
    expect(await fault(key.token(claims))).toBe(expected);
  });

  test.each([
    ["typ JWT", { typ: "JWT" }],
    ["alg none", { alg: "none" }],
    ["alg HS256", { alg: "HS256" }],
    ["a crit", { crit: ["exp"] }],
    ["an embedded key", { jwk: {} }],
  ])("with %s in its header is not ours, though the signature is", async (_what, header) => {
    const { key, connect, fault } = setUp();
    await connect();
    expect(await fault(key.token({}, header))).toBe("not_ours");
  });

  test("of any changed character is not ours", async () => {
    const { key, connect, fault } = setUp();
    await connect();
    const token = key.token();
    expect(await fault(token)).toBe("accepted");
    for (let at = 0; at < token.length; at += 7) {
      const other = token[at] === "A" ? "B" : "A";
      expect(await fault(token.slice(0, at) + other + token.slice(at + 1))).toBe("not_ours");
    }
    for (const odd of ["", ".", "..", "a.b.c", `${token}.`, `${token}=`, ` ${token}`, token.repeat(20)]) {
      expect(await fault(odd)).toBe("not_ours");
    }
  });

  test("expires to the second, though its signature is remembered", async () => {
    const { key, time, connect, fault } = setUp({ whenStale: "allow" });
    await connect();
    const token = key.token();
    expect(await fault(token)).toBe("accepted");
    await time.pass(3_599_000);
    expect(await fault(token)).toBe("accepted");
    await time.pass(1000);
    expect(await fault(token)).toBe("expired");
  });

  test("needs every scope that is asked for", async () => {
    const { key, connect, fault } = setUp();
    await connect();
    const token = key.token({ scope: "catalog read" });
    expect(await fault(token, { scopes: ["read", "catalog"] })).toBe("accepted");
    expect(await fault(token, { scopes: ["read", "admin"] })).toBe("scope");
    expect(await fault(key.token({ scope: undefined }), { scopes: ["read"] })).toBe("scope");
  });

  test("cannot be given more by a caller that got it", async () => {
    const { key, verifier, connect, fault } = setUp();
    await connect();
    const token = key.token({ groups: ["a"] });
    const first = await verifier.verify(token);
    expect(() => (first.scope as string[]).push("admin")).toThrow(TypeError);
    expect(() => (first.claims["groups"] as string[]).push("b")).toThrow(TypeError);
    expect(await fault(token, { scopes: ["admin"] })).toBe("scope");
  });

  test("tells the caller nothing of its fault, and the service all", async () => {
    const { key, verifier, connect } = setUp();
    await connect();
    const errors = await Promise.all(
      ["x", key.token({ aud: "other" })].map((token) => verifier.verify(token).catch((error: unknown) => error)),
    );
    expect(errors).toMatchObject([
      { code: "invalid_token", fault: "not_ours", message: "The Bearer token is not accepted." },
      { code: "invalid_token", fault: "audience", message: "The Bearer token is not accepted." },
    ]);
  });
});

describe("a revocation", () => {
  const now = Date.UTC(2026, 0, 1);

  test.each([
    ["of its session", { case: "session", value: "mine" } as const, undefined],
    ["of a session that it grew from", { case: "session", value: "older" } as const, undefined],
    ["of its subject", { case: "subject", value: "alice" } as const, now],
    ["of its client", { case: "client", value: "spark" } as const, now],
    ["of a client that acts", { case: "client", value: "trino" } as const, now],
    ["of the clients of a rule", { case: "clientPrefix", value: "spa" } as const, now],
    ["of the client that it is about", { case: "client", value: "alice" } as const, now],
    ["of everything", { case: "everything", value: true } as const, now],
  ])("%s is felt at once, though the signature is remembered", async (_what, target, notBefore) => {
    const { key, server, time, connect, fault } = setUp();
    await connect();
    const token = key.token({ sid: "mine", psid: ["older"], act: { sub: "trino" } });
    for (let use = 0; use < 3; use += 1) expect(await fault(token)).toBe("accepted");
    server.stream.revoke(target, notBefore);
    await time.pass(0);
    expect(await fault(token)).toBe("revoked");
  });

  test("by an instant spares what began after it", async () => {
    const { key, server, time, connect, fault } = setUp();
    await connect();
    server.stream.revoke({ case: "subject", value: "alice" }, now + 2000);
    await time.pass(3000);
    expect(await fault(key.token())).toBe("accepted");
  });

  test("of a key ends its tokens, those of another key stay", async () => {
    const { key, server, time, connect, fault } = setUp();
    const other = fakeKey(time.clock);
    server.keys.push(other.jwk);
    await connect();
    const [one, two] = [key.token(), other.token()];
    expect([await fault(one), await fault(two)]).toEqual(["accepted", "accepted"]);
    server.stream.revoke({ case: "key", value: key.jwk.kid });
    await time.pass(0);
    expect([await fault(one), await fault(two)]).toEqual(["revoked", "accepted"]);
  });

  test("of a kind that this version does not know bars everything begun up to then", async () => {
    const { key, server, time, connect, fault } = setUp();
    await connect();
    const before = key.token();
    server.stream.revoke({ case: undefined }, now);
    await time.pass(1000);
    expect([await fault(before), await fault(key.token())]).toEqual(["revoked", "accepted"]);
  });
});

describe("before everything has been loaded", () => {
  test("no token is accepted: not before the keys", async () => {
    const { key, server, time, verifier, fault } = setUp({ whenStale: "allow" });
    server.failing = Code.Unavailable;
    await time.pass(0);
    expect(await fault(key.token())).toBe("not_ready");
    expect(verifier.staleness()).toBe(Infinity);
    expect(verifier.isReady()).toBe(false);
    await expect(verifier.ready(0)).rejects.toMatchObject({ code: "unavailable", fault: "not_ready" });
  });

  test("not before the revocations, whatever the policy", async () => {
    const { key, server, time, fault } = setUp({ whenStale: "allow" });
    await time.pass(0);
    server.stream.revoke({ case: "session", value: "another" }, undefined, "");
    server.stream.heartbeat(0);
    await time.pass(0);
    expect(await fault(key.token())).toBe("not_ready");
    server.stream.caughtUp();
    await time.pass(0);
    expect(await fault(key.token())).toBe("accepted");
  });

  test("and a server that is away is asked again until it is there", async () => {
    const { key, server, time, reconnect, fault, problems } = setUp();
    server.failing = Code.Unavailable;
    await time.pass(10 * MINUTE);
    expect(problems.length).toBeGreaterThan(30);
    await reconnect();
    expect(await fault(key.token())).toBe("accepted");
  });
});

describe("a stream", () => {
  test("shows the client's credential, and begins without a cursor", async () => {
    const { server, time } = setUp();
    await time.pass(0);
    expect(server.stream.request).toMatchObject({ cursor: "", clientId: "catalog", clientSecret: "a-secret" });
  });

  test("that ends is resumed with the last cursor, after a moment", async () => {
    const { server, time, connect } = setUp();
    await connect();
    server.stream.revoke({ case: "session", value: "s" }, undefined, "e.7-0");
    await time.pass(0);
    server.stream.end(Code.Unavailable);
    await time.pass(400);
    expect(server.streams).toHaveLength(1);
    await time.pass(100);
    expect(server.streams).toHaveLength(2);
    expect(server.stream.request.cursor).toBe("e.7-0");
  });

  test("waits for as long as the server asks", async () => {
    const { server, time, connect } = setUp();
    await connect();
    server.stream.end(Code.ResourceExhausted, 20);
    await time.pass(19_999);
    expect(server.streams).toHaveLength(1);
    await time.pass(1);
    expect(server.streams).toHaveLength(2);
  });

  test("whose cursor is gone starts over at once, and keeps what it knew", async () => {
    const { key, server, time, connect, fault } = setUp();
    await connect();
    server.stream.revoke({ case: "session", value: "mine" });
    await time.pass(0);
    server.stream.end(Code.Unavailable);
    await time.pass(500);
    server.stream.end(Code.OutOfRange);
    await time.pass(0);
    expect(server.stream.request.cursor).toBe("");
    expect(await fault(key.token({ sid: "mine" }))).toBe("revoked");
    server.stream.caughtUp("f.1-0");
    await time.pass(0);
    expect(await fault(key.token({ sid: "mine" }))).toBe("revoked");
    expect(await fault(key.token())).toBe("accepted");
  });

  test("that ends in the middle of its snapshot starts over: a snapshot cannot be resumed", async () => {
    const { server, time } = setUp();
    await time.pass(0);
    server.stream.revoke({ case: "session", value: "s" }, undefined, "");
    await time.pass(0);
    server.stream.end(Code.Unavailable);
    await time.pass(500);
    expect(server.stream.request.cursor).toBe("");
  });

  test("that says nothing any more is given up and opened again", async () => {
    const { server, time, connect, problems } = setUp();
    await connect();
    const silent = server.stream;
    await time.pass(15_000);
    silent.heartbeat(0);
    await time.pass(15_999);
    expect(silent.isOpen).toBe(true);
    await time.pass(1 + 500);
    expect(silent.isOpen).toBe(false);
    expect(server.streams).toHaveLength(2);
    expect(problems).toMatchObject([{ message: "nothing came for 16000 ms" }]);
  });

  test("is asked for less and less often while the server refuses", async () => {
    const { server, time, problems } = setUp();
    server.failing = Code.PermissionDenied;
    await time.pass(MINUTE);
    const first = problems.length;
    await time.pass(10 * MINUTE);
    expect((problems.length - first) / 10).toBeLessThanOrEqual(first);
  });
});

describe("staleness", () => {
  test("is the age that the server tells and the time since", async () => {
    const { server, time, verifier, connect } = setUp();
    await connect();
    server.stream.heartbeat(2000);
    await time.pass(0);
    expect(verifier.staleness()).toBe(2000);
    await time.pass(3000);
    expect(verifier.staleness()).toBe(5000);
  });

  test("grows while a server tells of an old view of its own", async () => {
    const { key, server, time, verifier, connect, fault } = setUp();
    await connect();
    for (let minute = 0; minute < 6; minute += 1) {
      server.stream.heartbeat(minute * MINUTE);
      await time.pass(MINUTE);
    }
    expect(verifier.staleness()).toBe(6 * MINUTE);
    expect(await fault(key.token())).toBe("stale");
  });

  test("beyond the limit refuses every token, from that moment on, until the stream is back", async () => {
    const { key, server, time, verifier, connect, reconnect, fault } = setUp({ maxStalenessMs: 5 * MINUTE });
    await connect();
    server.stream.heartbeat(0);
    await time.pass(0);
    server.failing = Code.Unavailable;
    server.stream.end(Code.Unavailable);
    await time.pass(5 * MINUTE);
    expect([await fault(key.token()), verifier.isReady()]).toEqual(["accepted", true]);
    await time.pass(1);
    expect([await fault(key.token()), verifier.isReady()]).toEqual(["stale", false]);
    await reconnect();
    expect([await fault(key.token()), verifier.isReady()]).toEqual(["accepted", true]);
  });

  test("beyond the limit changes nothing where that is wanted", async () => {
    const { key, server, time, verifier, connect, fault } = setUp({ maxStalenessMs: MINUTE, whenStale: "allow" });
    await connect();
    server.stream.revoke({ case: "session", value: "mine" });
    await time.pass(0);
    server.failing = Code.Unavailable;
    server.stream.end(Code.Unavailable);
    await time.pass(50 * MINUTE);
    expect([await fault(key.token()), verifier.isReady()]).toEqual(["accepted", true]);
    expect(await fault(key.token({ sid: "mine" }))).toBe("revoked");
  });

  test("is not hidden by streams that end before they have told their age", async () => {
    const { key, server, time, connect, fault } = setUp({ maxStalenessMs: MINUTE });
    await connect();
    server.stream.heartbeat(0);
    await time.pass(0);
    for (let second = 0; second < 70; second += 1) {
      server.stream.caughtUp();
      await time.pass(100);
      server.stream.end(Code.Unavailable);
      await time.pass(900);
    }
    expect(await fault(key.token())).toBe("stale");
  });

  test("is not changed by a server's last word, which tells no age", async () => {
    const { server, time, verifier, connect } = setUp();
    await connect();
    server.stream.heartbeat(1000);
    server.stream.heartbeat(undefined);
    await time.pass(0);
    expect(verifier.staleness()).toBe(1000);
  });
});

describe("keys", () => {
  test("are asked for again when a token names one that is not known, at most once in five seconds", async () => {
    const { server, time, connect, fault } = setUp();
    await connect();
    await time.pass(5000);
    const other = fakeKey(time.clock);
    server.keys.push(other.jwk);
    expect(await fault(other.token())).toBe("accepted");
    const asked = server.keyRequests;
    const strangers = Array.from({ length: 20 }, () => fakeKey(time.clock).token());
    expect(new Set(await Promise.all(strangers.map((token) => fault(token))))).toEqual(new Set(["not_ours"]));
    expect(server.keyRequests).toBe(asked);
    await time.pass(5000);
    await Promise.all(strangers.map((token) => fault(token)));
    expect(server.keyRequests).toBe(asked + 1);
  });

  test("that are published no more verify no more, though the signature is remembered", async () => {
    const { key, server, time, connect, fault } = setUp({ whenStale: "allow" });
    await connect();
    const token = key.token();
    for (let use = 0; use < 3; use += 1) expect(await fault(token)).toBe("accepted");
    server.keys = [fakeKey(time.clock).jwk];
    await time.pass(10 * MINUTE);
    expect(await fault(token)).toBe("not_ours");
  });

  test("stay while they cannot be fetched", async () => {
    const { key, server, time, connect, fault } = setUp({ whenStale: "allow" });
    await connect();
    server.failing = Code.Unavailable;
    await time.pass(30 * MINUTE);
    expect(await fault(key.token())).toBe("accepted");
  });

  test("whose id is not their thumbprint are left out: one id must never stand for two keys", async () => {
    const { key, server, time, connect, fault } = setUp();
    server.keys = [{ ...fakeKey(time.clock).jwk, kid: key.jwk.kid }];
    await connect();
    expect(await fault(key.token())).toBe("not_ours");
  });

  test("are asked for again once the stream is back: a server that lost its state has others", async () => {
    const { server, time, connect, fault } = setUp();
    await connect();
    const other = fakeKey(time.clock);
    server.keys = [other.jwk];
    server.stream.end(Code.Unavailable);
    await time.pass(500);
    server.stream.caughtUp("f.1-0");
    await time.pass(0);
    expect(await fault(other.token())).toBe("accepted");
  });
});

describe("a closed verifier", () => {
  test("accepts nothing and leaves nothing waiting", async () => {
    const { key, server, time, verifier, connect } = setUp();
    await connect();
    const token = key.token();
    await verifier.close();
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "unavailable", fault: "closed" });
    await time.pass(0);
    expect([time.waits, server.stream.isOpen]).toEqual([[], false]);
  });

  test("fails calls that wait for it to be ready", async () => {
    const { verifier } = setUp();
    const failed = expect(verifier.ready()).rejects.toMatchObject({ fault: "closed" });
    await verifier.close();
    await failed;
  });
});

test.each([
  ["no audience", { audience: "" }],
  ["an empty list of audiences", { audience: [] }],
  ["a server beyond loopback without TLS", { server: "http://tokens.example.com" }],
  ["no credential", { clientSecret: undefined }],
])("%s cannot be started with", (_what, options) => {
  const make = () =>
    createVerifier({
      server: ISSUER,
      audience: AUDIENCE,
      clientId: "c",
      clientSecret: "s",
      ...options,
    } as VerifierOptions);
  expect(make).toThrow(TypeError);
});
