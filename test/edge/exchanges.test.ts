import { describe, expect, test } from "vitest";
import { answering } from "../client/scripted-endpoint.js";
import { eventually } from "../support/eventually.js";
import { counting, ENTRY, startRig, type EdgeRig } from "./edge-rig.js";

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const MINUTE_MS = 60_000;

/** A token of an identity provider, for so long. */
function userToken(rig: EdgeRig, seconds: number | undefined, sub = "ada"): string {
  const exp = seconds === undefined ? {} : { exp: rig.time.clock() / 1000 + seconds };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "ES256" })}.${part({ sub, ...exp })}.sig`;
}

const exchange = (subject: string, more: object = {}) => ({
  grant_type: EXCHANGE,
  subject_token: subject,
  subject_token_type: JWT,
  ...more,
});

/** The exchanges that reached the server. */
function seen({ upstream }: EdgeRig) {
  return upstream.asked.filter(({ form }) => form["grant_type"]?.[0] === EXCHANGE);
}

describe("a user's exchange", () => {
  test("goes to the server with the edge's credential in place of the caller's", async () => {
    await using rig = await startRig();
    rig.upstream.answer = counting({ issued_token_type: JWT });
    const subject = userToken(rig, 3600);
    const actor = userToken(rig, 900, "bob");
    const form = exchange(subject, {
      client_id: "spark",
      client_secret: "s",
      client_assertion: "a",
      client_assertion_type: "t",
      actor_token: actor,
      audience: ["x", "y"],
    });
    const { status, json } = await rig.ask(form, { authorization: "Bearer catalog" });
    expect(status).toBe(200);
    expect(json).toMatchObject({ token_type: "bearer", expires_in: 3600, issued_token_type: JWT });
    const [asked] = seen(rig);
    expect(asked?.headers.authorization).toBeUndefined();
    expect(asked?.form).toEqual({
      grant_type: [EXCHANGE],
      subject_token: [subject],
      subject_token_type: [JWT],
      actor_token: [actor],
      audience: ["x", "y"],
      client_id: ["edge"],
      client_secret: ["the-edge's-own"],
    });
  });

  test("is kept: the same one is answered from memory with what is left, in an outage too", async () => {
    await using rig = await startRig();
    const form = exchange(userToken(rig, 3600));
    const first = await rig.ask(form);
    rig.upstream.answer = answering(503, {});
    await rig.time.pass(10 * MINUTE_MS);
    const second = await rig.ask(form);
    expect(second.json).toEqual({ ...first.json, expires_in: 3000 });
    expect(seen(rig)).toHaveLength(1);
    expect(await rig.metric("icemint_edge_exchanges")).toBe("icemint_edge_exchanges 1");
  });

  test.each([
    ["another parameter", { scope: "other" }, {}],
    ["another Authorization", {}, { authorization: "Bearer other" }],
    ["another secret", { client_secret: "other" }, {}],
  ])("with %s is another exchange", async (_what, form, headers) => {
    await using rig = await startRig();
    const subject = userToken(rig, 3600);
    const one = await rig.ask(exchange(subject));
    const other = await rig.ask(exchange(subject, form), headers);
    expect(other.json["access_token"]).not.toBe(one.json["access_token"]);
    expect(seen(rig)).toHaveLength(2);
  });

  test.each(["subject_token", "actor_token"])("is not kept beyond the exp of its %s", async (name) => {
    await using rig = await startRig();
    const form = exchange(userToken(rig, 3000), { [name]: userToken(rig, 600) });
    await rig.ask(form);
    await rig.time.pass(599_000);
    await rig.ask(form);
    expect(seen(rig)).toHaveLength(1);
    await rig.time.pass(1000);
    await rig.ask(form);
    expect(seen(rig)).toHaveLength(2);
  });

  test("of a token without exp is kept; of one that is no JWT it is not", async () => {
    await using rig = await startRig();
    for (const _ of [1, 2]) await rig.ask(exchange(userToken(rig, undefined)));
    expect(seen(rig)).toHaveLength(1);
    for (const _ of [1, 2]) await rig.ask(exchange("opaque"));
    expect(seen(rig)).toHaveLength(3);
  });

  test("whose answer has a refresh token is not kept: that token is for one caller", async () => {
    await using rig = await startRig();
    rig.upstream.answer = counting({ refresh_token: "r" });
    const form = exchange(userToken(rig, 3600));
    for (const _ of [1, 2]) expect((await rig.ask(form)).json["refresh_token"]).toBe("r");
    expect(seen(rig)).toHaveLength(2);
  });

  test("of a hundred engines at once makes one request", async () => {
    await using rig = await startRig();
    const form = exchange(userToken(rig, 3600));
    const answers = await Promise.all(Array.from({ length: 100 }, () => rig.ask(form)));
    expect(new Set(answers.map(({ json }) => json["access_token"])).size).toBe(1);
    expect(seen(rig)).toHaveLength(1);
  });

  test("is renewed in the background once half of its life is over and somebody asks", async () => {
    await using rig = await startRig();
    const form = exchange(userToken(rig, 7200));
    const first = await rig.ask(form);
    await rig.time.pass(30 * MINUTE_MS);
    expect((await rig.ask(form)).json["access_token"]).toBe(first.json["access_token"]);
    await eventually("it is renewed", () => seen(rig).length === 2);
    await eventually("the renewed one is given out", async () => {
      return (await rig.ask(form)).json["access_token"] !== first.json["access_token"];
    });
    expect(seen(rig)).toHaveLength(2);
  });

  test("that the server refuses gets the server's words, and nothing of it is logged", async () => {
    await using rig = await startRig();
    rig.upstream.answer = answering(400, {
      error: "invalid_grant",
      error_description: "The user\u0007s token is old.",
    });
    const { status, json } = await rig.ask(exchange("x"));
    expect(status).toBe(400);
    expect(json).toEqual({ error: "invalid_grant", error_description: "The user?s token is old." });
    expect(rig.log.join("")).not.toContain("old");
  });

  test("is answered 503 when the server refuses the edge's own credential: the caller cannot mend that", async () => {
    await using rig = await startRig();
    rig.upstream.answer = answering(401, { error: "invalid_client" });
    expect((await rig.ask(exchange("x"))).status).toBe(503);
  });

  test("waits ten seconds for a server that is away, and trying again meanwhile is answered", async () => {
    await using rig = await startRig();
    rig.upstream.answer = answering(502, "<html>");
    const waiting = rig.ask(exchange(userToken(rig, 3600)));
    await eventually("it was tried", () => seen(rig).length > 0);
    rig.upstream.answer = counting();
    expect((await rig.passUntil(waiting)).status).toBe(200);
  });

  test("is answered 503 with Retry-After when the server is away for longer", async () => {
    await using rig = await startRig();
    rig.upstream.answer = (request) => void request.resume(); // no answer at all
    const waiting = rig.ask(exchange(userToken(rig, 3600)));
    expect(await rig.passUntil(waiting)).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
  });
});

describe("a refresh of a user's token", () => {
  const refresh = (token: string, more: object = {}) => exchange(token, { subject_token_type: ACCESS_TOKEN, ...more });

  test("goes to the server, though the token came from here", async () => {
    await using rig = await startRig();
    const { json } = await rig.ask(exchange(userToken(rig, 3600)));
    const { status } = await rig.ask(refresh(String(json["access_token"])));
    expect({ status, seen: seen(rig).length }).toEqual({ status: 200, seen: 2 });
  });

  test("is answered in an outage with that token while it lives, never with a 5xx; then with 503", async () => {
    await using rig = await startRig();
    const { json } = await rig.ask(exchange(userToken(rig, 3600)));
    const token = String(json["access_token"]);
    rig.upstream.answer = (request) => void request.resume();
    await rig.time.pass(50 * MINUTE_MS);
    const { json: own } = await rig.passUntil(rig.ask(refresh(token, { scope: "catalog" })));
    expect(own["access_token"]).toBe(token);
    expect(own["expires_in"]).toBeGreaterThan(590);
    expect(own["expires_in"]).toBeLessThan(599);
    await rig.time.pass(10 * MINUTE_MS);
    expect((await rig.passUntil(rig.ask(refresh(token)))).status).toBe(503);
  });
});

describe("other grants", () => {
  test("go through with the edge's credential and are not kept", async () => {
    await using rig = await startRig();
    for (const _ of [1, 2]) await rig.ask({ grant_type: "refresh_token", refresh_token: "r", client_id: "spark" });
    const passed = rig.upstream.asked.filter(({ form }) => form["refresh_token"]);
    expect(passed.map(({ form }) => form["client_id"])).toEqual([["edge"], ["edge"]]);
  });
});

describe("where engines must present a secret", () => {
  const options = {
    files: { engines: "engine-secret" },
    outbound: { listen: "127.0.0.1:0", secret_file: "FOLDER/engines", tokens: [ENTRY] },
  };

  test("an exchange needs it, or a token that was given out for it", async () => {
    await using rig = await startRig(options);
    const form = exchange(userToken(rig, 3600));
    expect((await rig.ask(form)).status).toBe(401);
    expect((await rig.ask(form, { authorization: "Bearer t1" })).status).toBe(401);
    const own = { grant_type: "client_credentials", client_secret: "engine-secret" };
    const { json } = await rig.ask(own);
    expect((await rig.ask(form, { authorization: `Bearer ${String(json["access_token"])}` })).status).toBe(200);
    expect((await rig.ask({ ...form, client_secret: "engine-secret" })).status).toBe(200);
  });
});
