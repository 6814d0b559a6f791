/**
 * What an attacker may learn by asking: nothing. Answers to credentials that fail are compared byte for byte, the work
 * behind them by count, and the limits are tried as a way to tell clients apart or to switch one off.
 */
import { Buffer } from "node:buffer";
import { createHash, scryptSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFailedLoginLimiter } from "../../src/limits/limiter.js";
import type { RunningApp } from "../support/running-app.js";
import {
  byPost,
  EXCHANGE,
  type FormAnswer,
  freshAddress,
  idpKey,
  IDP,
  ISSUER,
  JWT_BEARER,
  login,
  now,
  ordersKey,
  postForm,
  secretOf,
  startWorld,
  strangerKey,
  typeUrn,
} from "./world.js";

const CC = { grant_type: "client_credentials" };
const CHOSEN = "chosen-secret-of-a-person-1234";

function scryptHash(secret: string): string {
  const salt = Buffer.from("0123456789abcdef");
  const hash = scryptSync(secret, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
  return `$scrypt$ln=14,r=8,p=1$${salt.toString("base64").replace(/=+$/, "")}$${hash.toString("base64").replace(/=+$/, "")}`;
}

function digestOf(id: string): object {
  return { sha256: createHash("sha256").update(secretOf(id)).digest("hex") };
}

let app: RunningApp;
/** One that also has a client with a chosen secret: every failure costs a slow hash. */
let slow: RunningApp;
beforeAll(async () => {
  const clients = [
    { id: "spark", secrets: [digestOf("spark")] },
    { id: "person", secrets: [{ scrypt: scryptHash(CHOSEN) }] },
    { id: "off", secrets: [{ scrypt: scryptHash(`${CHOSEN}-off`) }], disabled: true },
  ];
  // Their clocks stand still: nothing is forgiven unless a test lets time pass.
  [app, slow] = await Promise.all([startWorld(), startWorld({ clients })]);
});
afterAll(async () => {
  await Promise.all([app[Symbol.asyncDispose](), slow[Symbol.asyncDispose]()]);
});

/** All that tells one answer from another, but for its request id and its date. */
function shape({ status, headers, text }: FormAnswer): string {
  const fields = [...headers]
    .filter(([name]) => name !== "date")
    .map(([name, value]) => `${name}: ${name === "x-request-id" ? `${value.length} characters` : value}`);
  return [status, ...fields.toSorted(), text].join("\n");
}

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });

// SECURITY.md: "A refusal tells nothing".
describe("credentials that fail say the same, whatever was wrong", () => {
  test.each<[string, Record<string, string>, string]>([
    ["an unknown client", {}, "nobody:wrong"],
    ["a wrong secret", {}, "spark:wrong"],
    ["another client's secret", {}, `spark:${secretOf("trino")}`],
    ["the right secret of a disabled client", {}, `disabled:${secretOf("disabled")}`],
    ["a wrong secret of a disabled client", {}, "disabled:wrong"],
    ["a secret that has expired", {}, `expired:${secretOf("expired")}`],
    ["a client without any secret", {}, "orders:wrong"],
    ["a client that only a workload stands for", {}, "pod:wrong"],
    ["a secret that is nobody's, alone", {}, "icm_nobody"],
    ["the name of what every object has", {}, "constructor:wrong"],
    ["an empty id", {}, ":wrong"],
    ["an empty secret", {}, "spark:"],
  ])("%s", async (_, form, credentials) => {
    const reference = shape(await postForm(app, CC, basic("somebody:something")));
    expect(shape(await postForm(app, { ...CC, ...form }, basic(credentials)))).toBe(reference);
    const [clientId = "", clientSecret = ""] = credentials.split(":");
    const inBody = await postForm(app, { ...CC, client_id: clientId, client_secret: clientSecret || "x" });
    expect(shape(inBody)).toBe(reference);
  });

  test("with a client whose secret is hashed slowly, too", async () => {
    const answers = await Promise.all(
      ["person:wrong", "nobody:wrong", "spark:wrong", "off:wrong", `off:${CHOSEN}-off`].map((pair) =>
        postForm(slow, CC, basic(pair)),
      ),
    );
    expect(new Set(answers.map(shape)).size).toBe(1);
  });

  test("assertions: a client that exists and one that does not, with and without keys", async () => {
    const present = (id: string, kid = "orders-1") => {
      const claims = { iss: id, sub: id, aud: ISSUER, exp: now + 300, jti: `${id}-${kid}` };
      const token = strangerKey.sign({ alg: "ES256", kid }, claims);
      return postForm(app, { ...CC, client_assertion: token, client_assertion_type: JWT_BEARER });
    };
    const answers = await Promise.all([
      present("orders"),
      present("orders", "other"),
      present("billing"),
      present("spark"),
      present("nobody"),
      present("disabled"),
    ]);
    expect(new Set(answers.map(shape)).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401, json: { error: "invalid_client" } });
  });

  test("a workload's token: of a subject that a client names, and of one that none does", async () => {
    const present = (sub: string, key: typeof idpKey) => {
      const token = key.sign({ alg: "ES256", kid: "idp-1" }, { iss: IDP, aud: ISSUER, sub, exp: now + 300 });
      return postForm(app, { ...CC, client_secret: token });
    };
    const forged = await present("system:serviceaccount:shop:pod", strangerKey);
    expect(forged.status).toBe(401);
    expect(shape(await present("system:serviceaccount:shop:nobody", strangerKey))).toBe(shape(forged));
    expect(shape(await present("system:serviceaccount:shop:nobody", idpKey))).toBe(shape(forged));
  });

  test("every grant and endpoint asks who it is before it says anything else", async () => {
    const wrong = basic("spark:wrong");
    const reference = shape(await postForm(app, CC, wrong));
    const exchange = { grant_type: EXCHANGE, subject_token: "x", subject_token_type: typeUrn("jwt") };
    for (const [form, path] of [
      [{ grant_type: "refresh_token", refresh_token: "x" }, "/v1/oauth/tokens"],
      [{ grant_type: "refresh_token" }, "/v1/oauth/tokens"],
      [exchange, "/v1/oauth/tokens"],
      [{ ...exchange, subject_token: "" }, "/v1/oauth/tokens"],
      [{ ...CC, scope: "not allowed" }, "/v1/oauth/tokens"],
      [{ ...CC, audience: "https://evil.example" }, "/v1/oauth/tokens"],
      [{ token: "x" }, "/v1/oauth/revoke"],
      [{ token: "x" }, "/v1/oauth/introspect"],
    ] as const) {
      expect(shape(await postForm(app, form, wrong, path))).toBe(reference);
    }
  });

  test("a Bearer: forged, of nobody and revoked", async () => {
    const revoked = await login(app, "spark");
    await postForm(app, { token: revoked, ...byPost("spark") }, {}, "/v1/oauth/revoke");
    const refresh = (bearer: string) =>
      postForm(
        app,
        { grant_type: EXCHANGE, subject_token: bearer, subject_token_type: typeUrn("access_token") },
        { authorization: `Bearer ${bearer}` },
      );
    const forged = await refresh("abc");
    expect(forged.status).toBe(401);
    expect(shape(await refresh(revoked))).toBe(shape(forged));
    expect(shape(await refresh(`${revoked.slice(0, -2)}AA`))).toBe(shape(forged));
  });
});

describe("failures cost the same work", () => {
  /** Medians of each one's time, taken in turns: a busy machine is busy for all of them. */
  async function mediansMs(attempts: readonly (() => Promise<unknown>)[]): Promise<number[]> {
    const times = attempts.map((): number[] => []);
    for (let round = 0; round < 9; round++) {
      for (const [index, attempt] of attempts.entries()) {
        const started = performance.now();
        await attempt();
        times[index]?.push(performance.now() - started);
      }
    }
    return times.map((taken) => taken.toSorted((a, b) => a - b)[4] ?? NaN);
  }

  test("a slow hash is made for a client that does not exist and for one that has no slow secret", async () => {
    const pairs = ["person:wrong", "nobody:wrong", "spark:wrong", "off:wrong", `off:${CHOSEN}-off`];
    const medians = await mediansMs(pairs.map((pair) => () => postForm(slow, CC, basic(pair))));
    expect(Math.max(...medians) / Math.min(...medians)).toBeLessThan(3);
  });

  test("an assertion's signature is checked for a client that does not exist", async () => {
    const attempts = ["orders", "nobody", "spark"].map((id) => () => {
      const claims = { iss: id, sub: id, aud: ISSUER, exp: now + 300 };
      const token = strangerKey.sign({ alg: "ES256", kid: "orders-1" }, claims);
      return postForm(app, { ...CC, client_assertion: token, client_assertion_type: JWT_BEARER });
    });
    const medians = await mediansMs(attempts);
    expect(Math.max(...medians) / Math.min(...medians)).toBeLessThan(3);
  });
});

/** Fails so many times with a pair, from an address, and returns the statuses. */
async function fail(target: RunningApp, times: number, pair: string, address: string): Promise<number[]> {
  const statuses: number[] = [];
  for (let at = 0; at < times; at++) {
    statuses.push((await postForm(target, CC, { ...basic(pair), "x-forwarded-for": address })).status);
  }
  return statuses;
}

describe("the limit of failures", () => {
  const right = (address: string, target = app) =>
    postForm(target, CC, { ...basic(`spark:${secretOf("spark")}`), "x-forwarded-for": address });

  test("lets at least 20 pass before it slows down, and says when to come back", async () => {
    const address = freshAddress();
    expect(await fail(app, 40, "spark:wrong", address)).toEqual([
      ...Array<number>(30).fill(401),
      ...Array<number>(10).fill(429),
    ]);
    const answer = await postForm(app, CC, { ...basic("spark:wrong"), "x-forwarded-for": address });
    expect(answer).toMatchObject({ status: 429, json: { error: "slow_down" } });
    expect(answer.headers.get("retry-after")).toBe("1");
  });

  // SECURITY.md: "Nobody locks a client out".
  test("never refuses a right secret, from the address that floods or from another", async () => {
    const address = freshAddress();
    await Promise.all([
      ...Array.from({ length: 150 }, () => fail(app, 1, "spark:wrong", address)),
      ...Array.from({ length: 150 }, (_, at) => fail(app, 1, `nobody-${at}:wrong`, address)),
    ]);
    expect(await fail(app, 1, "spark:wrong", address)).toEqual([429]);
    for (const from of [address, freshAddress()]) {
      expect(await right(from)).toMatchObject({ status: 200 });
      const inBody = await postForm(app, { ...CC, ...byPost("spark") }, { "x-forwarded-for": from });
      expect(inBody).toMatchObject({ status: 200 });
    }
  });

  test("never refuses a chosen secret that was right before, and refuses others before it hashes", async () => {
    const address = freshAddress();
    const chosen = () => postForm(slow, CC, { ...basic(`person:${CHOSEN}`), "x-forwarded-for": address });
    expect(await chosen()).toMatchObject({ status: 200 });
    await fail(slow, 31, "person:wrong", address);
    // Hashing all of these at once would overflow the queue of hashes, and be answered with 503.
    const together = await Promise.all(
      Array.from({ length: 60 }, (_, at) => fail(slow, 1, `person:wrong-${at}`, address)),
    );
    expect(new Set(together.flat())).toEqual(new Set([429]));
    expect(await chosen()).toMatchObject({ status: 200 });
  });

  test("counts unknown ids together, by their address", async () => {
    const address = freshAddress();
    const statuses = await Promise.all(Array.from({ length: 40 }, (_, at) => fail(app, 1, `id-${at}:x`, address)));
    expect(statuses.flat().filter((status) => status === 401)).toHaveLength(30);
    expect(await fail(app, 1, "id:x", freshAddress())).toEqual([401]);
  });

  test("tells nothing of a client that is tried again and again: the answers are those to an unknown id", async () => {
    const floods = await Promise.all([
      fail(app, 35, "spark:wrong", freshAddress()),
      fail(app, 35, "nobody:wrong", freshAddress()),
      fail(app, 35, `disabled:${secretOf("disabled")}`, freshAddress()),
      fail(app, 35, "!!!", freshAddress()),
    ]);
    expect(new Set(floods.map((statuses) => statuses.join())).size).toBe(1);
  });

  test("tells nothing of a client at the first try after many unknown ids", async () => {
    const address = freshAddress();
    await Promise.all(Array.from({ length: 40 }, (_, at) => fail(app, 1, `id-${at}:x`, address)));
    for (const probe of ["spark:wrong", "trino:wrong", `expired:${secretOf("expired")}`, "nobody:wrong"]) {
      expect(await fail(app, 1, probe, address)).toEqual([429]);
    }
  });

  test("tells nothing of a client that an assertion names: the answers are those to an unknown one", async () => {
    const flood = async (id: string): Promise<number[]> => {
      const address = freshAddress();
      const statuses: number[] = [];
      for (let at = 0; at < 35; at++) {
        const token = ordersKey.sign({ alg: "ES256", kid: "orders-1" }, { iss: id, sub: id, aud: "x", exp: now + 300 });
        const form = { ...CC, client_assertion: token, client_assertion_type: JWT_BEARER };
        statuses.push((await postForm(app, form, { "x-forwarded-for": address })).status);
      }
      return statuses;
    };
    expect(await flood("orders")).toEqual(await flood("nobody"));
  });

  test("is not escaped by another spelling of the address or of its /64", async () => {
    await fail(app, 31, "nobody:x", "2001:db8:1:2::1");
    expect(await fail(app, 1, "nobody:x", "2001:0DB8:0001:0002:ffff::9")).toEqual([429]);
    await fail(app, 31, "nobody:x", "192.0.2.77");
    expect(await fail(app, 1, "nobody:x", "::ffff:192.0.2.77")).toEqual([429]);
    expect(await fail(app, 1, "nobody:x", "203.0.113.9, 192.0.2.77")).toEqual([429]);
  });

  test("forgives one failure every two seconds", async () => {
    const address = freshAddress();
    await fail(app, 31, "spark:wrong", address);
    app.pass(2);
    expect(await fail(app, 2, "spark:wrong", address)).toEqual([401, 429]);
  });

  // SECURITY.md: "Everything is bounded".
  test("is bounded: of 100,000 addresses the first ones are forgotten", () => {
    const limiter = createFailedLoginLimiter({ policy: { burst: 1, intervalMs: 1_000_000 }, clock: () => 0 });
    limiter.charge("spark", "192.0.2.1");
    expect(limiter.allows("spark", "192.0.2.1")).toBe(false);
    for (let at = 0; at < 100_000; at++) limiter.charge(undefined, `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`);
    expect(limiter.allows("spark", "192.0.2.1")).toBe(true);
  });

  test("believes X-Forwarded-For of nobody who is not trusted", async () => {
    await using alone = await startWorld({ http: {} });
    for (let at = 0; at < 31; at++) await fail(alone, 1, "nobody:x", `198.51.100.${at}`);
    expect(await fail(alone, 1, "nobody:x", "198.51.100.200")).toEqual([429]);
  });
});

describe("refresh tokens", () => {
  const IDP_USER = { iss: IDP, aud: ISSUER, sub: "alice", exp: now + 900 };
  const begin = async (): Promise<string> => {
    const subject = idpKey.sign({ alg: "ES256", kid: "idp-1" }, IDP_USER);
    const form = { grant_type: EXCHANGE, subject_token: subject, subject_token_type: typeUrn("jwt") };
    return String((await postForm(app, { ...form, ...byPost("spark") })).json["refresh_token"]);
  };
  const use = (refreshToken: string, id = "spark") =>
    postForm(app, { grant_type: "refresh_token", refresh_token: refreshToken, ...byPost(id) });

  test("that are unknown, forged, of another client, reused or revoked are answered alike", async () => {
    const unknown = shape(await use("x"));
    const token = await begin();
    expect(shape(await use(`${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`))).toBe(unknown);
    const [family = "", generation = "", mac = ""] = token.split(".");
    expect(shape(await use(`${family}.${Number(generation) + 1}.${mac}`))).toBe(unknown);
    expect(shape(await use(`${"A".repeat(family.length)}.${generation}.${mac}`))).toBe(unknown);
    const revoked = await begin();
    await postForm(app, { token: revoked, ...byPost("spark") }, {}, "/v1/oauth/revoke");
    expect(shape(await use(revoked))).toBe(unknown);
    expect(await use(token)).toMatchObject({ status: 200 });
  });

  test("are told apart by nobody: introspection of another's, a forged and an unknown one says inactive", async () => {
    const token = await begin();
    const inspect = async (what: string, id: string): Promise<string> =>
      (await postForm(app, { token: what, ...byPost(id) }, {}, "/v1/oauth/introspect")).text;
    expect(JSON.parse(await inspect(token, "spark"))).toMatchObject({ active: true });
    for (const what of [token, `${token}x`, "x", "a.b.c"])
      expect(await inspect(what, "trino")).toBe('{"active":false}');
  });
});

describe("introspection and revocation", () => {
  const at = (path: string) => (token: string, id: string) =>
    postForm(app, { token, ...byPost(id) }, {}, `/v1/oauth/${path}`);
  const inspect = at("introspect");

  test("say of another client's token what they say of none", async () => {
    const token = await login(app, "spark");
    const answers = await Promise.all(
      [token, `${token}x`, `${token.slice(0, -2)}AA`, "x", "\0", "a.b.c"].map((what) => inspect(what, "trino")),
    );
    expect(new Set(answers.map(shape)).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 200, text: '{"active":false}' });
    expect((await inspect(token, "reader")).json).toMatchObject({ active: true, client_id: "spark" });
  });

  test("revocation of what is unknown, malformed or dead is 200 with nothing in it", async () => {
    const revoke = at("revoke");
    const token = await login(app, "spark");
    expect(await revoke(token, "spark")).toMatchObject({ status: 200, text: "" });
    const answers = await Promise.all([token, "x", "a.b.c", `${token}x`].map((what) => revoke(what, "spark")));
    expect(new Set(answers.map(shape)).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 200, text: "" });
  });
});
