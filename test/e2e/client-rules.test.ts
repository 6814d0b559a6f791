/** What the token endpoint owes to all Iceberg clients together, rule by rule, at the built server. */
import { createHash, randomBytes } from "node:crypto";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSecret } from "../../src/config/clients/secret.js";
import { eventually } from "../support/eventually.js";
import { RedisProcess } from "../support/redis-process.js";
import { ServerProcess } from "../support/server-process.js";
import { type CapturedValues, type CapturedWorld, startCapturedWorld } from "./captured-world.js";
import { expectRefusal, expectTokenSet } from "./fit-for-clients.js";
import { type RawAnswer, postForm, send } from "./http-exchange.js";

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const JWT = "urn:ietf:params:oauth:token-type:jwt";
const FORM = "application/x-www-form-urlencoded";

type Header = readonly [string, string];

const basic = (text: string): Header => ["Authorization", `Basic ${Buffer.from(text, "utf8").toString("base64")}`];
const bearer = (token: string): Header => ["Authorization", `Bearer ${token}`];
const refresh = (token: string, more: object = {}): Record<string, string> => ({
  grant_type: EXCHANGE,
  subject_token: token,
  subject_token_type: ACCESS_TOKEN,
  ...more,
});

let world: CapturedWorld;
let v: CapturedValues;
let credentials: Readonly<Record<string, string>>;

beforeAll(async () => {
  world = await startCapturedWorld();
  v = await world.values();
  credentials = { client_id: v.id, client_secret: v.secret };
});
afterAll(async () => {
  await world.server[Symbol.asyncDispose]();
});

const post = (form: Readonly<Record<string, string>> | string, ...headers: readonly Header[]): Promise<RawAnswer> =>
  postForm(world.server.url, form, headers);
const clientCredentials = (more: object = {}): Record<string, string> => ({
  grant_type: "client_credentials",
  ...credentials,
  ...more,
});

describe("who asks", () => {
  test.each(["garbage", "expired", "another client's"])(
    "rule 1: client credentials in the form count though a Bearer that is %s stands beside them",
    async (which) => {
      const other = expectTokenSet(
        await post({ ...clientCredentials(), client_id: v.user_id, client_secret: v.user_secret }),
      );
      const dead = { garbage: "preset-token", expired: v.expired_token }[which] ?? other.access_token;
      const { access_token: token } = expectTokenSet(await post(clientCredentials(), bearer(dead)));
      expect(decodeJwt(token).sub).toBe(v.id);
    },
  );

  test("rule 2: a client is found by its secret alone, in the form and in Basic without a colon", async () => {
    const form = expectTokenSet(await post({ grant_type: "client_credentials", client_secret: v.secret }));
    const header = expectTokenSet(await post({ grant_type: "client_credentials" }, basic(v.secret)));
    for (const { access_token: token } of [form, header]) expect(decodeJwt(token).sub).toBe(v.id);
  });

  test.each([
    { how: "raw, as Java and PyIceberg send it", spell: (secret: string) => secret },
    { how: "encoded, as Nimbus does", spell: (secret: string) => encodeURIComponent(secret).replaceAll("%20", "+") },
  ])("rule 3: a secret with colon, percent, plus and spaces is accepted in Basic $how", async ({ spell }) => {
    const header = basic(`${v.id}:${spell(`s3cr:et+/ %&é=~*'()"é€`)}`);
    expectTokenSet(await post({ grant_type: "client_credentials" }, header));
  });

  test("rule 4: a generated secret is the same bytes raw and encoded", () => {
    for (let i = 0; i < 100; i++) expect(generateSecret(randomBytes)).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(encodeURIComponent(v.secret)).toBe(v.secret);
  });
});

describe("refresh by exchange", () => {
  test("rule 5: a token as Bearer and as subject proves itself; no client authentication comes with it", async () => {
    const { access_token: token } = expectTokenSet(await post(refresh(v.token), bearer(v.token)));
    const [before, after] = [decodeJwt(v.token), decodeJwt(token)];
    expect(after).toMatchObject({ sub: before.sub, sid: before["sid"], auth_time: before["auth_time"] });
    expect(after.jti).not.toBe(before.jti);
  });

  test("rule 6: an expired token is refreshed for its client by Basic, and keeps its user and actor", async () => {
    const byClient = basic(`${v.id}:${v.secret}`);
    const own = expectTokenSet(await post(refresh(v.expired_token), byClient));
    expect(decodeJwt(own.access_token)).toMatchObject({ sub: v.id });
    const user = expectTokenSet(await post(refresh(v.expired_user_session_token), byClient));
    expect(decodeJwt(user.access_token)).toMatchObject({ sub: "idp:alice", act: { sub: v.id } });
  });

  test("rule 6: an expired token as its own Bearer is refused, and so is one of another client", async () => {
    expectRefusal(await post(refresh(v.expired_token), bearer(v.expired_token)), 401, "invalid_client");
    const other = basic(`${v.user_id}:${v.user_secret}`);
    expectRefusal(await post(refresh(v.expired_token), other), 400, "invalid_request");
  });

  test("rule 21: an exchange is answered and refused at once", async () => {
    const user = { subject_token: v.user_jwt, subject_token_type: JWT };
    const answers = [
      await post(refresh(v.token), bearer(v.token)),
      await post({ grant_type: EXCHANGE, ...user }, bearer(v.token)),
      await post(refresh("not.a.token"), bearer(v.token)),
      await post(refresh(v.token), bearer("not.a.token")),
      await post(refresh(v.expired_token), bearer(v.expired_token)),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 401, 401]);
    // Some milliseconds each; a machine that does ten things at once needs some more.
    for (const { tookMs } of answers) expect(tookMs).toBeLessThan(1000);
  });
});

describe("every answer", () => {
  /** One answer of every way to get a token; `expectTokenSet` asserts rules 7 to 10 and 13 on each. */
  async function answers(): Promise<readonly RawAnswer[]> {
    const session = expectTokenSet(
      await post({ ...credentials, grant_type: EXCHANGE, subject_token: v.user_jwt, subject_token_type: JWT }),
    );
    return [
      await post(clientCredentials()),
      await post(refresh(v.token), bearer(v.token)),
      await post(refresh(v.expired_token), basic(`${v.id}:${v.secret}`)),
      await post({ grant_type: EXCHANGE, subject_token: v.user_jwt, subject_token_type: JWT }, bearer(v.token)),
      await post(refresh(session.access_token), bearer(session.access_token)),
      await post({ ...credentials, grant_type: "refresh_token", refresh_token: session.refresh_token ?? "" }),
    ];
  }

  test("rules 7, 8, 9 and 13: has token_type bearer, expires_in to the second of exp, and issued_token_type", async () => {
    for (const answer of await answers()) {
      const set = expectTokenSet(answer);
      const { iat = 0, exp = 0 } = decodeJwt(set.access_token);
      expect(set).toMatchObject({ token_type: "bearer", expires_in: exp - iat, issued_token_type: ACCESS_TOKEN });
    }
  });

  test("rule 10: has a scope of single spaces, or none at all", async () => {
    const two = expectTokenSet(await post(clientCredentials({ scope: "PRINCIPAL_ROLE:ALL catalog" })));
    expect(two.scope?.split(" ").toSorted()).toEqual(["PRINCIPAL_ROLE:ALL", "catalog"]);
  });

  test("rule 10: names the words that are left when the client has lost one since, though Java asks for it again", async () => {
    const settings = (...allowed: readonly string[]): object => ({
      clients: [{ id: "etl", secrets: [{ file: "secret" }], scopes: { allowed } }],
    });
    const secret = generateSecret(randomBytes);
    await using server = await ServerProcess.start({ settings: settings("old", "kept"), files: { secret } });
    const answer = await postForm(server.url, { grant_type: "client_credentials", client_secret: secret });
    const { access_token: token, scope } = expectTokenSet(answer);
    expect(scope).toBe("old kept");
    server.writeSettings(settings("kept"));
    server.signal("SIGHUP");
    await eventually("the settings are reloaded", () => server.stderr.includes("settings reloaded"));
    const refreshed = await postForm(server.url, refresh(token, { scope: "old kept" }), [bearer(token)]);
    expect(expectTokenSet(refreshed).scope).toBe("kept");
  });

  test("rule 11: an error is a flat object of texts that says what to do, in a word that both Pythons know", async () => {
    const says = (answer: RawAnswer, status: number, error: string): string => expectRefusal(answer, status, error);
    expect(says(await post({ ...credentials }), 400, "invalid_request")).toContain("grant_type");
    expect(says(await post({ ...credentials, grant_type: "password" }), 400, "unsupported_grant_type")).toContain(
      "token-exchange",
    );
    const wide = says(await post(clientCredentials({ scope: "catalog admin" })), 400, "invalid_scope");
    for (const word of [v.id, "admin", "catalog", "PRINCIPAL_ROLE:ALL"]) expect(wide).toContain(word);
    const gone = { ...credentials, grant_type: "refresh_token", refresh_token: "no.such.token" };
    says(await post(gone), 400, "invalid_grant");
    const other = { client_id: v.user_id, client_secret: v.user_secret };
    says(await post({ ...gone, ...other }), 400, "unauthorized_client");
    const wrong = says(await post(clientCredentials({ client_secret: "wrong" })), 401, "invalid_client");
    expect(says(await post(clientCredentials({ client_id: "nobody" })), 401, "invalid_client")).toBe(wrong);
  });

  test("rule 20: a 401 says which scheme to use", async () => {
    const wrong = await post({ grant_type: "client_credentials" }, basic(`${v.id}:wrong`));
    expect(wrong.headers["www-authenticate"]).toMatch(/^Basic realm="icemint"/);
    const dead = await post(refresh(v.expired_token), bearer(v.expired_token));
    expect(dead.headers["www-authenticate"]).toMatch(/^Bearer realm="icemint", error="invalid_token"/);
  });
});

describe("what is asked for", () => {
  test.each(["catalog", "", undefined, "PRINCIPAL_ROLE:ALL"])(
    "rule 14: the scope %o, which clients send without being told, gives a token to a client without settings for it",
    async (scope) => {
      const other = { client_id: v.user_id, client_secret: v.user_secret };
      const set = expectTokenSet(await post({ ...clientCredentials(other), ...(scope !== undefined && { scope }) }));
      expect(set.scope).toBe(scope || "catalog");
    },
  );

  test("rule 15: audience and resource may be repeated, nothing else", async () => {
    const form = new URLSearchParams(clientCredentials()).toString();
    const resources = ["https://r1.example/", "https://r2.example/"].map(
      (uri) => `&resource=${encodeURIComponent(uri)}`,
    );
    const set = expectTokenSet(await post(`${form}&audience=aud1&audience=aud2${resources.join("")}`));
    expect(decodeJwt(set.access_token).aud).toEqual(["aud1", "aud2", "https://r1.example/", "https://r2.example/"]);
    expect(expectRefusal(await post(`${form}&scope=catalog&scope=catalog`), 400, "invalid_request")).toContain("scope");
    expectRefusal(await post(`${form}&client_id=${v.id}`), 400, "invalid_request");
  });

  test("rule 16: the endpoint is also served below the prefixes that the settings name, and nowhere else", async () => {
    const body = new URLSearchParams(clientCredentials()).toString();
    const at = (path: string): Promise<RawAnswer> =>
      send(world.server.url, { method: "POST", path, headers: [["Content-Type", FORM]], body });
    expectTokenSet(await at("/api/catalog/v1/oauth/tokens"));
    expectTokenSet(await at("/idp/token"));
    expect((await at("/other/v1/oauth/tokens")).status).toBe(404);
  });

  test("rule 17: the media type may name its charset", async () => {
    const body = new URLSearchParams(clientCredentials()).toString();
    for (const type of [`${FORM}; charset=UTF-8`, `${FORM};charset=utf-8`]) {
      const headers: readonly Header[] = [["Content-Type", type]];
      expectTokenSet(await send(world.server.url, { method: "POST", path: "/v1/oauth/tokens", headers, body }));
    }
  });

  test("rule 18: nothing that is almost the endpoint's path is answered with a redirect", async () => {
    const body = new URLSearchParams(clientCredentials()).toString();
    const almost = ["/v1/oauth/tokens/", "//v1/oauth/tokens", "/v1/oauth//tokens", "/V1/oauth/tokens", "/v1/oauth"];
    for (const path of almost) {
      const headers: readonly Header[] = [["Content-Type", FORM]];
      const { status, headers: received } = await send(world.server.url, { method: "POST", path, headers, body });
      expect({ path, status, location: received.location }).toEqual({ path, status: 404, location: undefined });
    }
  });
});

describe("failures", () => {
  test("rules 12 and 19: twenty wrong secrets are told so, hundreds are told Retry-After: 1, a right one is never refused", async () => {
    const wrong = (): Promise<RawAnswer> => post(clientCredentials({ client_secret: generateSecret(randomBytes) }));
    await using server = await ServerProcess.start({
      settings: { clients: [{ id: v.id, secrets: [{ sha256: createHash("sha256").update(v.secret).digest("hex") }] }] },
    });
    const guess = (): Promise<RawAnswer> =>
      postForm(server.url, clientCredentials({ client_secret: generateSecret(randomBytes) }));
    for (let i = 0; i < 20; i++) expectRefusal(await guess(), 401, "invalid_client");
    const many = await Promise.all(Array.from({ length: 100 }, guess));
    const slowed = many.filter(({ status }) => status === 429);
    expect(slowed.length).toBeGreaterThan(50);
    for (const answer of slowed) expectRefusal(answer, 429, "slow_down");
    expectTokenSet(await postForm(server.url, clientCredentials()));
    expectRefusal(await wrong(), 401, "invalid_client");
  });

  test("rule 12: our own outage is a 503 with Retry-After: 1, and leaves client credentials and refreshes alone", async () => {
    await using redis = await RedisProcess.start();
    const secret = generateSecret(randomBytes);
    await using server = await ServerProcess.start({
      settings: {
        issuer: "https://tokens.example.com",
        redis: { url: redis.url },
        clients: [
          {
            id: "etl",
            secrets: [{ file: "secret" }],
            grants: ["client_credentials", "token_exchange", "refresh_token"],
          },
        ],
      },
      files: { secret },
      env: { ICEMINT_SEALING_KEY: randomBytes(32).toString("base64") },
    });
    const own = { client_id: "etl", client_secret: secret };
    const { access_token: token } = expectTokenSet(
      await postForm(server.url, { grant_type: "client_credentials", ...own }),
    );
    await eventually("the replica is ready", async () => (await fetch(`${server.adminUrl}/readyz`)).ok);
    await redis.kill();
    const revoked = await send(server.url, {
      method: "POST",
      path: "/v1/oauth/revoke",
      headers: [["Content-Type", FORM]],
      body: new URLSearchParams({ ...own, token }).toString(),
    });
    expectRefusal(revoked, 503, "temporarily_unavailable");
    expectTokenSet(await postForm(server.url, { grant_type: "client_credentials", ...own }));
    expectTokenSet(await postForm(server.url, refresh(token), [bearer(token)]));
  });
});
