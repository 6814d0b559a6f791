/** Redis behind a network that is slow, or cut without a word: half-open connections on both links of a replica. */
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { startSlowLink } from "../support/slow-link.js";
import { Deployment, isReady } from "./deployment.js";

/** The promised 300 ms, with room for a machine that runs other tests too. */
const WITHIN_MS = 1500;
const SUBJECT = Buffer.from(JSON.stringify({ sub: "user-1" })).toString("base64url");
const USER = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${SUBJECT}.`;

const LOGIN = { what: "client_credentials", form: { grant_type: "client_credentials" } } as const;
const BEGIN = {
  what: "exchange",
  form: {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: USER,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  },
} as const;

async function replicaBehindLink() {
  const deployment = await Deployment.start(0);
  const link = await startSlowLink(Number(new URL(deployment.redis.url).port));
  const replica = await deployment.another({ redis: { url: `redis://127.0.0.1:${link.port}` } });
  const caller = deployment.caller(replica);
  const begin = async () => String((await caller.post(BEGIN)).body["refresh_token"]);
  const refresh = (token: string) =>
    caller.post({ what: "refresh_token", form: { grant_type: "refresh_token", refresh_token: token } });
  return {
    link,
    replica,
    caller,
    begin,
    refresh,
    async [Symbol.asyncDispose]() {
      await deployment[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    },
  };
}

test("a Redis 60 ms away serves refresh tokens, and client credentials do not feel it", async () => {
  await using far = await replicaBehindLink();
  far.link.delay(30);
  const answer = await far.refresh(await far.begin());
  expect(answer.outcome).toBe("ok");
  expect(answer.tookMs).toBeGreaterThan(55);
  // One that waited for Redis could never be quicker than Redis is far.
  await eventually("a login is quicker", async () => (await far.caller.post(LOGIN)).tookMs < 55);
});

test("a Redis too far to answer in time is told as 503 within the promised time, and tokens go on", async () => {
  await using far = await replicaBehindLink();
  const token = await far.begin();
  far.link.delay(400);
  const answer = await far.refresh(token);
  expect(answer).toMatchObject({ outcome: "503", retryAfterMs: 1000 });
  expect(answer.tookMs).toBeLessThan(WITHIN_MS);
  expect((await far.caller.post(LOGIN)).outcome).toBe("ok");
});

test("half-open connections: 503 in time, no token refused, still ready, and all well within 3 s of the network's return", async () => {
  await using far = await replicaBehindLink();
  const token = await far.begin();
  far.link.swallow(true);
  const answer = await far.refresh(token);
  expect(answer.outcome).toBe("503");
  expect(answer.tookMs).toBeLessThan(WITHIN_MS);
  expect((await far.caller.post(LOGIN)).outcome).toBe("ok");
  // A user's exchange is answered, without the refresh token that it cannot store.
  const exchanged = await far.caller.post(BEGIN);
  expect(exchanged.outcome).toBe("ok");
  expect(exchanged.body).not.toHaveProperty("refresh_token");
  expect(await isReady(far.replica)).toBe(true);
  far.link.swallow(false);
  await eventually(
    "the same token is taken",
    async () => (await far.refresh(token)).outcome === "ok",
    3000 + WITHIN_MS,
  );
});
