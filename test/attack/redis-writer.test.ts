/**
 * An attacker who can write to Redis writes over everything that is there. What they gain is what SECURITY.md says: they delete,
 * they go back in time, they deny; no token, no authority and no end of a revocation comes out of it.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { RedisProcess } from "../support/redis-process.js";
import { type RunningApp, runApp } from "../support/running-app.js";
import { claimsOf, unsecuredToken } from "../support/core.js";

const ISSUER = "https://tokens.example.com";
const SECRET = "secret-of-everyone-0123456789";
const ADMIN_SCOPE = "admin";
const env = { ICEMINT_SEALING_KEY: randomBytes(32).toString("base64") };

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Session {
  readonly sid: string;
  readonly access: string;
  readonly refresh: string;
}

let server: RedisProcess;
let redis: Redis;
const replicas: RunningApp[] = [];
/** Revoked, and a family that a reuse has killed, before anything is attacked. */
let revoked: Session;
let reused: Session;

beforeAll(async () => {
  server = await RedisProcess.start();
  redis = server.connect();
  const secretOf = (id: string) => [{ sha256: createHash("sha256").update(`${SECRET}-${id}`).digest("hex") }];
  const settings = {
    issuer: ISSUER,
    redis: { url: server.url },
    tokens: { refresh_grace: "1s" },
    clients: [
      {
        id: "portal",
        secrets: secretOf("portal"),
        grants: ["client_credentials", "token_exchange", "refresh_token"],
        unsecured_subjects: { allow: ["*"] },
        permissions: ["introspect", "revoke"],
      },
      {
        id: "ops",
        secrets: secretOf("ops"),
        grants: ["client_credentials", "refresh_token"],
        scopes: { allowed: [ADMIN_SCOPE], default: [ADMIN_SCOPE] },
      },
    ],
  };
  for (let replica = 0; replica < 2; replica += 1) replicas.push(await runApp({ settings, env }));
  await eventually("both have a key ring", async () => (await all(login)).every(({ status }) => status === 200));
  revoked = await begin("mallory");
  await post("revoke", { token: revoked.access });
  reused = await begin("eve");
  await refresh(reused);
  const used = await post("tokens", { grant_type: "refresh_token", refresh_token: reused.refresh });
  expect(used.status, "within the grace window").toBe(200);
  await eventually("the window is over", async () => (await refresh(reused)).status === 400, 5000);
  await post("tokens", { grant_type: "client_credentials", client_secret: "wrong" });
  await eventually("the failure is shared", async () => (await redis.keys("*failures*")).length === 1);
  await expectDead();
}, 60_000);

afterAll(async () => {
  redis?.disconnect();
  for (const replica of replicas) await replica[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

async function post(path: string, form: Readonly<Record<string, string>>, at = 0): Promise<Answer> {
  const client = form["client_id"] ?? "portal";
  const body = new URLSearchParams({ client_id: client, client_secret: `${SECRET}-${client}`, ...form });
  const response = await fetch(`${replicas[at]?.url}/v1/oauth/${path}`, { method: "POST", body });
  const text = await response.text();
  const parsed: unknown = text === "" ? {} : JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null) throw new Error("no object");
  return { status: response.status, body: { ...parsed } };
}

const all = (ask: (at: number) => Promise<Answer>): Promise<Answer[]> => Promise.all([ask(0), ask(1)]);
const login = (at: number) => post("tokens", { grant_type: "client_credentials" }, at);
const refresh = ({ refresh: token }: Session, at = 0) =>
  post("tokens", { grant_type: "refresh_token", refresh_token: token }, at);

async function begin(sub: string): Promise<Session> {
  const form = {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: unsecuredToken({ sub }),
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  };
  let answer: Answer | undefined;
  await eventually("a session begins", async () => {
    answer = await post("tokens", form);
    return answer.status === 200 && typeof answer.body["refresh_token"] === "string";
  });
  const access = String(answer?.body["access_token"]);
  return { sid: String(claimsOf(access)["sid"]), access, refresh: String(answer?.body["refresh_token"]) };
}

/** What was dead stays dead, on both replicas, and clients get their tokens. */
async function expectDead(): Promise<void> {
  for (const at of [0, 1]) {
    const asked = await post("introspect", { token: revoked.access }, at);
    expect(asked.body["active"] === true, "a revoked token is active").toBe(false);
    expect((await refresh(revoked, at)).status).not.toBe(200);
    expect((await refresh(reused, at)).status).not.toBe(200);
    expect((await login(at)).status).toBe(200);
  }
}

/** An answer to a refresh gives what was granted and no more, or is a well-formed refusal. */
function expectNoMore(answer: Answer, session: Session): void {
  if (answer.status === 200) {
    const [before, after] = [claimsOf(session.access), claimsOf(String(answer.body["access_token"]))];
    for (const name of ["iss", "sub", "client_id", "scope", "aud", "sid", "psid", "auth_time", "session_exp", "act"]) {
      expect(after[name], name).toEqual(before[name]);
    }
    expect(new Set(Object.keys(after))).toEqual(new Set(Object.keys(before)));
    return;
  }
  expect([400, 503]).toContain(answer.status);
  expect(["invalid_grant", "temporarily_unavailable"]).toContain(answer.body["error"]);
}

const HUGE = "9".repeat(1_000_000);
const INJECTED = 'x","client_id":"ops","scope":"admin';

/** What is written in place of a value. */
function replacements(value: string): readonly string[] {
  const grant = value.startsWith("{")
    ? [
        value.replace('"sub":"', '"sub":"root-'),
        value.replace('"scope":["', `"scope":["${ADMIN_SCOPE}","`),
        value.replace(/"endsAt":\d+/, '"endsAt":9999999999'),
        value.replace(/"startedAt":\d+/, String.raw`"startedAt":"1,\"client_id\":\"ops\""`),
        value.replace(/"id":"[^"]*"/, `"id":${JSON.stringify(INJECTED)}`),
      ]
    : [];
  const numbers = ["0", "1", "-1", "-999999999999", "NaN", "inf", "1e300", "0x7fffffff", "99999999999999999999", "1.5"];
  return [...grant, ...numbers, "", value.slice(0, -1), `${value}x`, "ops", INJECTED, "\0\xff", HUGE, "[[[[", "{}"];
}

const OTHER_TYPES: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
  string: (key) => redis.set(key, "x"),
  list: (key) => redis.rpush(key, "x"),
  set: (key) => redis.sadd(key, "x"),
  hash: (key) => redis.hset(key, "x", "y"),
  stream: (key) => redis.xadd(key, "*", "x", "y"),
};

async function scan(): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let cursor = "0"; ;) {
    const [next, page] = await redis.scan(cursor, "COUNT", 100);
    keys.push(...page);
    if (next === "0") return keys.toSorted();
    cursor = next;
  }
}

const familyKey = ({ sid }: Session): string => `icemint:1:family:{${sid}}`;

// SECURITY.md: "Redis is not believed".
describe("a refresh token family", () => {
  test("with any field written over gives what was granted, or nothing", async () => {
    const sample = await redis.hgetall(familyKey(await begin("ada")));
    expect(Object.keys(sample).length).toBeGreaterThanOrEqual(8);
    let refused = 0;
    for (const [field, value] of Object.entries(sample)) {
      for (const written of replacements(value)) {
        const session = await begin("ada");
        await redis.hset(familyKey(session), field, written);
        const introspected = await post("introspect", { token: session.refresh });
        expect([200, 503]).toContain(introspected.status);
        const answer = await refresh(session, 1);
        expectNoMore(answer, session);
        if (answer.status !== 200) refused += 1;
        const isFixed = ["client", "session", "ends", "grant", "mac"].includes(field);
        const own = await redis.hget(familyKey(session), field);
        if (isFixed && own !== sample[field]) expect(answer.status, `${field} = ${written.slice(0, 40)}`).not.toBe(200);
      }
    }
    expect(refused).toBeGreaterThan(50);
    expect(replicas[1]?.log.some((line) => line.includes("store_tampered"))).toBe(true);
    await expectDead();
  }, 120_000);

  test("of another session in its place, field by field or whole, gives nothing", async () => {
    const fields = Object.keys(await redis.hgetall(familyKey(await begin("ada"))));
    for (const field of [...fields, "*"]) {
      const [mine, theirs] = [await begin("ada"), await begin("bob")];
      const their = await redis.hgetall(familyKey(theirs));
      await redis.hset(familyKey(mine), field === "*" ? their : { [field]: their[field] ?? "" });
      expectNoMore(await refresh(mine), mine);
    }
  });

  test("given to another client gives that client nothing", async () => {
    const session = await begin("ada");
    await redis.hset(familyKey(session), "client", "ops");
    const form = { grant_type: "refresh_token", refresh_token: session.refresh, client_id: "ops" };
    expect(await post("tokens", form)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  });

  test.each(Object.keys(OTHER_TYPES))("that became a %s gives nothing, and the next session is well", async (type) => {
    const session = await begin("ada");
    await redis.del(familyKey(session));
    await OTHER_TYPES[type]?.(familyKey(session));
    expect(await refresh(session)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
    const next = await begin("ada");
    expect((await refresh(next, 1)).status).toBe(200);
  });

  test("without a MAC, as the release before wrote it, is invalid_grant", async () => {
    const session = await begin("ada");
    await redis.hdel(familyKey(session), "mac");
    expect(await refresh(session)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  });

  test("without a MAC can be revoked by its refresh token, and ends its session when the token is reused", async () => {
    for (const end of ["revoke", "reuse"] as const) {
      const [kept, named] = [await begin("ada"), await begin("bob")];
      await redis.hset(familyKey(kept), "session", named.sid);
      await redis.hdel(familyKey(kept), "mac");
      if (end === "reuse") await redis.hset(familyKey(kept), "generation", "5");
      if (end === "reuse") expect((await refresh(kept)).status).toBe(400);
      else expect((await post("revoke", { token: kept.refresh })).status).toBe(200);
      for (const at of [0, 1]) {
        const over = async () => (await post("introspect", { token: named.access }, at)).body["active"] === false;
        await eventually("the session that the family names has ended", over, 2000);
      }
    }
  });

  test("that was marked and is put back as it was stays dead, since its session was revoked", async () => {
    const session = await begin("ada");
    const before = await redis.hgetall(familyKey(session));
    await post("revoke", { token: session.refresh });
    await redis.hset(familyKey(session), before);
    for (const at of [0, 1]) {
      await eventually("it is refused", async () => (await refresh(session, at)).status === 400, 2000);
    }
  });
});

// SECURITY.md: "Redis is not believed".
describe("every other key", () => {
  test("written over, field by field and whole, gives no token and ends no revocation", async () => {
    const keys = (await scan()).filter((key) => !key.includes(":family:"));
    const kinds = new Set(keys.map((key) => key.replace(/quota:.*/, "quota")));
    expect([...kinds]).toEqual([
      "icemint:1:{activity}:reports",
      "icemint:1:{activity}:uses",
      "icemint:1:{failures}:recent",
      "icemint:1:{revocations}:log",
      "icemint:1:{revocations}:quota",
      "icemint:1:{revocations}:state",
      "icemint:1:{ring}:lease",
      "icemint:1:{ring}:sealed",
    ]);
    for (const key of keys) {
      const dump = await redis.dumpBuffer(key);
      const type = await redis.type(key);
      const writes = type === "hash" ? await hashWrites(key) : type === "stream" ? await streamWrites(key) : [];
      expect(writes.length, key).toBeGreaterThan(10);
      const others = Object.values(OTHER_TYPES).map((write) => () => write(key));
      for (const [at, write] of [...writes, ...others].entries()) {
        if (at >= writes.length) await redis.del(key);
        await write();
        await expectDead();
        if (dump !== null) await redis.restore(key, 0, dump, "REPLACE");
      }
      const session = await begin("ada");
      await eventually("refreshing goes on", async () => (await refresh(session, 1)).status === 200, 5000);
    }
  }, 300_000);

  async function hashWrites(key: string): Promise<(() => Promise<unknown>)[]> {
    const fields = Object.entries(await redis.hgetall(key));
    return fields.flatMap(([field, value]) => replacements(value).map((text) => () => redis.hset(key, field, text)));
  }

  async function streamWrites(key: string): Promise<(() => Promise<unknown>)[]> {
    const values = (await redis.xrange(key, "-", "+")).map(([, fields]) => fields[1] ?? "");
    const ended = values.flatMap((value) => [
      value.replace(/^s\d+/, "s1"),
      value.replace(/^s\d+/, `s${2 ** 32 + 5}`),
      value.replace(/^s\d+/, "s999999999999"),
    ]);
    const texts = [...new Set([...ended, ...values.flatMap(replacements)])];
    return texts.flatMap((text) => [
      () => redis.xadd(key, "*", "r", text),
      () => redis.xadd(key, "*", text.slice(0, 100), text, "m", text),
    ]);
  }

  test("a log that is cut, emptied, or whose ids have run out ends no revocation", async () => {
    const key = "icemint:1:{revocations}:log";
    for (const write of [
      () => redis.xtrim(key, "MAXLEN", 0),
      () => redis.del(key),
      () => redis.xadd(key, "18446744073709551615-18446744073709551615", "r", "x"),
      () => redis.del(key),
    ]) {
      await write();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await expectDead();
    }
    const session = await begin("ada");
    expect((await post("revoke", { token: session.access })).status).toBe(200);
  }, 30_000);
});

test("a forged not-before far ahead denies, and does not date new sessions behind revocations to come", async () => {
  const before = await begin("grace");
  const forged = `u${Math.floor(Date.now() / 1000) + 3600}.99999999999 grace`;
  const key = "icemint:1:{revocations}:log";
  await redis.xadd(key, "*", "r", forged);
  await eventually("it denies what was begun before", async () => (await refresh(before)).status === 400, 2000);
  const old = await begin("grace");
  const soon = Math.floor(Date.now() / 1000) + 4;
  expect(Number(claimsOf(old.access)["auth_time"])).toBeLessThanOrEqual(soon);
});

test("everything gone: replicas write back what they hold, and go on", async () => {
  await redis.flushall();
  await expectDead();
  const session = await begin("ada");
  expect((await refresh(session, 1)).status).toBe(200);
  await eventually("the ring is back", async () => (await redis.exists("icemint:1:{ring}:sealed")) === 1, 5000);
  await eventually("the log is back", async () => (await redis.xlen("icemint:1:{revocations}:log")) > 0, 5000);
  await expectDead();
});
