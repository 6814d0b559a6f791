import { describe, expect, test } from "vitest";
import { answering } from "../client/scripted-endpoint.js";
import { eventually } from "../support/eventually.js";
import { counting, ENTRY, post, send, startRig } from "./edge-rig.js";

const OWN = { grant_type: "client_credentials", client_id: "spark", client_secret: "whatever" };
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const refresh = (token: string, more: object = {}) => ({
  grant_type: EXCHANGE,
  subject_token: token,
  subject_token_type: ACCESS_TOKEN,
  ...more,
});
const LIFE_MS = 3_600_000;

describe("client credentials", () => {
  test("are answered from the entry with the same scope; the id and secret of the engine are not sent on", async () => {
    await using rig = await startRig();
    const { status, headers, json } = await rig.ask({ ...OWN, scope: "catalog" });
    expect(status).toBe(200);
    expect(headers["cache-control"]).toBe("no-store");
    expect(json).toEqual({
      access_token: "t1",
      token_type: "bearer",
      expires_in: 3600,
      issued_token_type: ACCESS_TOKEN,
      scope: "catalog",
    });
    expect(rig.upstream.asked.map(({ form }) => form)).toEqual([
      {
        grant_type: ["client_credentials"],
        client_id: ["edge"],
        client_secret: ["the-edge's-own"],
        scope: ["catalog"],
      },
    ]);
  });

  test("that ask for nothing get the first entry", async () => {
    await using rig = await startRig();
    expect((await rig.ask({ ...OWN, scope: "" })).json["access_token"]).toBe("t1");
    expect(rig.upstream.asked).toHaveLength(1);
  });

  test("of another combination are fetched once and kept, and never answered with more", async () => {
    await using rig = await startRig({
      outbound: { listen: "127.0.0.1:0", tokens: [{ ...ENTRY, scope: "catalog admin", audience: "a" }] },
    });
    for (const asked of [
      { scope: "catalog" },
      { scope: "catalog admin" },
      { scope: "admin catalog", audience: ["a", "b"] },
    ]) {
      const first = await rig.ask({ ...OWN, ...asked });
      const second = await rig.ask({ ...OWN, ...asked });
      expect(second.json["access_token"]).toBe(first.json["access_token"]);
    }
    expect((await rig.ask({ ...OWN, scope: "admin catalog", audience: "a" })).json["access_token"]).toBe("t1");
    expect(rig.upstream.asked.map(({ form }) => [form["scope"], form["audience"]])).toEqual([
      [["catalog admin"], ["a"]],
      [["catalog"], undefined],
      [["catalog admin"], undefined],
      [["admin catalog"], ["a", "b"]],
    ]);
  });

  test("of more than a hundred combinations push out the longest unused", async () => {
    await using rig = await startRig();
    for (let at = 0; at < 101; at += 1) await rig.ask({ ...OWN, scope: `s${at}` });
    expect(await rig.metric("icemint_edge_combinations")).toBe("icemint_edge_combinations 100");
    const before = rig.upstream.asked.length;
    await rig.ask({ ...OWN, scope: "s100" });
    expect(rig.upstream.asked.length).toBe(before);
    await rig.ask({ ...OWN, scope: "s0" });
    expect(rig.upstream.asked.length).toBe(before + 1);
  });

  test("for a combination that the server refuses get its refusal, and leave nothing behind", async () => {
    await using rig = await startRig();
    await rig.ask(OWN);
    rig.upstream.answer = answering(400, { error: "invalid_scope" });
    const { status, json } = await rig.ask({ ...OWN, scope: "nonsense" });
    expect({ status, error: json["error"] }).toEqual({ status: 400, error: "invalid_scope" });
    expect(await rig.metric("icemint_edge_combinations")).toBe("icemint_edge_combinations 0");
  });

  test("of a thousand engines at once make one request", async () => {
    await using rig = await startRig();
    const answers = await Promise.all(Array.from({ length: 200 }, () => rig.ask({ ...OWN, scope: "other" })));
    expect(new Set(answers.map(({ json }) => json["access_token"])).size).toBe(1);
    expect(rig.upstream.asked).toHaveLength(2);
  });
});

describe("what is left of a token's life", () => {
  test("is what expires_in says, never below 1", async () => {
    await using rig = await startRig({
      prepare: (upstream) => {
        const first = counting({ expires_in: 100 });
        upstream.answer = (...exchange) => {
          first(...exchange);
          upstream.answer = answering(503, {});
        };
      },
    });
    await rig.ask(OWN);
    await rig.time.pass(94_500);
    expect((await rig.ask(OWN)).json).toMatchObject({ access_token: "t1", expires_in: 5 });
  });

  test("is never less than a tenth, or five seconds: such a token is not given out", async () => {
    await using rig = await startRig({ prepare: (upstream) => void (upstream.answer = counting({ expires_in: 2 })) });
    await rig.ask(OWN);
    rig.upstream.answer = answering(503, {}, { "retry-after": "1" });
    await rig.time.pass(1900);
    expect(await rig.passUntil(rig.ask(OWN))).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
  });
});

describe("a refresh by exchange", () => {
  test("of a token that was given out here is answered from the entry, also after its end", async () => {
    await using rig = await startRig();
    await rig.ask(OWN);
    await rig.time.pass(LIFE_MS * 3);
    await eventually("the token is renewed", () => rig.upstream.asked.length >= 2);
    const { json } = await rig.ask(refresh("t1", { scope: "catalog" }), { authorization: "Bearer t1" });
    expect(json["access_token"]).toMatch(/^t[2-9]$/);
    expect(rig.upstream.asked.every(({ form }) => form["grant_type"]?.[0] === "client_credentials")).toBe(true);
  });

  test("needs no secret where engines must present one: the token shows that one was presented", async () => {
    await using rig = await startRig({
      files: { engines: "engine-secret\n" },
      outbound: { listen: "127.0.0.1:0", secret_file: "FOLDER/engines", tokens: [ENTRY] },
    });
    const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString("base64")}` });
    const bare = { grant_type: "client_credentials" };
    expect((await rig.ask(OWN)).status).toBe(401);
    expect((await rig.ask(bare)).json["error"]).toBe("invalid_client");
    expect((await rig.ask({ ...OWN, client_secret: "engine-secret" })).status).toBe(200);
    expect((await rig.ask(bare, basic("spark:engine-secret"))).status).toBe(200);
    expect((await rig.ask(bare, basic("engine-secret"))).status).toBe(200);
    expect((await rig.ask(refresh("t1"), { authorization: "Bearer t1" })).status).toBe(200);
  });
});

describe("the guard", () => {
  test.each(["localhost", "127.0.0.1:8190", "[::1]:8190", "LOCALHOST:1"])(
    "lets a request for %s through",
    async (host) => {
      await using rig = await startRig();
      expect((await rig.ask(OWN, { host })).status).toBe(200);
    },
  );

  test.each([
    { host: "0.0.0.0:8190" },
    { host: "evil.example.com" },
    { host: "localhost.evil.example.com" },
    { origin: "https://evil.example.com" },
    { origin: "null" },
    { "x-forwarded-for": "10.0.0.1" },
    { "x-forwarded-host": "localhost" },
    { forwarded: "for=10.0.0.1" },
  ])("refuses %o", async (headers) => {
    await using rig = await startRig();
    const { status, body } = await rig.ask(OWN, headers);
    expect(status).toBe(403);
    expect(body).not.toContain("t1");
  });

  test("refuses two Authorization headers", async () => {
    await using rig = await startRig();
    const headers = ["Content-Type", "application/x-www-form-urlencoded", "Host", "localhost"];
    const both = [...headers, "Authorization", "Bearer a", "Authorization", "Bearer b"];
    const { status } = await send(rig.url, { method: "POST", path: "/v1/oauth/tokens", headers: both }, "x=y");
    expect(status).toBe(403);
  });

  test("knows only the names of the settings beyond loopback", async () => {
    await using rig = await startRig({
      files: { engines: "s" },
      outbound: { listen: "0.0.0.0:0", hosts: ["edge.lake.svc"], secret_file: "FOLDER/engines", tokens: [ENTRY] },
    });
    const ask = (host: string) =>
      post(rig.url.replace("0.0.0.0", "127.0.0.1"), { ...OWN, client_secret: "s" }, { host });
    expect((await ask("edge.lake.svc:8190")).status).toBe(200);
    expect((await ask("localhost")).status).toBe(403);
  });

  test.each([
    ["another path", { method: "POST", path: "/v1/oauth/token" }, "", 404],
    ["another method", { method: "GET", path: "/v1/oauth/tokens" }, "", 405],
    [
      "another type",
      { method: "POST", path: "/v1/oauth/tokens", headers: { "content-type": "application/json" } },
      "{}",
      415,
    ],
  ])("refuses %s", async (_what, options, body, status) => {
    await using rig = await startRig();
    expect((await send(rig.url, options, body)).status).toBe(status);
  });

  test.each([
    ["a form without end", `grant_type=client_credentials&x=${"y".repeat(70_000)}`, 413],
    ["a parameter sent twice", "grant_type=client_credentials&grant_type=client_credentials", 400],
    ["a broken escape", "grant_type=client_credentials&scope=%zz", 400],
    ["a form without a grant", "scope=catalog", 400],
  ])("refuses %s", async (_what, form, status) => {
    await using rig = await startRig();
    expect((await rig.ask(form)).status).toBe(status);
  });
});

describe("readiness", () => {
  test("tells what the edge holds and for how long", async () => {
    await using rig = await startRig();
    await rig.ask(OWN);
    await rig.time.pass(60_000);
    expect(await rig.readyz()).toMatchObject({ status: 200, body: "[+] token lake ok (live for 3540s)\nok\n" });
    expect(await rig.metric("icemint_edge_token_seconds")).toBe('icemint_edge_token_seconds{token="lake"} 3540');
  });

  test("says that a token is missing, and why, while the server is away; the edge starts all the same", async () => {
    await using rig = await startRig({ prepare: (upstream) => void (upstream.answer = answering(503, {})) });
    await eventually("the edge has asked", () => rig.upstream.asked.length > 0);
    await eventually("the edge knows", async () => (await rig.readyz()).body.includes("503"));
    const { status, body } = await rig.readyz();
    expect(status).toBe(503);
    expect(body).toBe(
      "[-] token lake failing (none; last attempt failed: the token endpoint answered 503)\nnot ready\n",
    );
    rig.upstream.answer = counting();
    await rig.time.pass(60_000);
    await eventually("the edge is ready", async () => (await rig.readyz()).status === 200);
  });

  test("is degraded when a renewal failed and the token lives on", async () => {
    await using rig = await startRig();
    await rig.ask(OWN);
    rig.upstream.answer = answering(500, {});
    await rig.time.pass(LIFE_MS / 2);
    await eventually("a renewal failed", async () => (await rig.readyz()).body.startsWith("[~]"));
    expect((await rig.readyz()).status).toBe(200);
    expect(await rig.metric("icemint_edge_token_failures_total")).toMatch(/\{token="lake"\} [1-9]/);
  });
});
