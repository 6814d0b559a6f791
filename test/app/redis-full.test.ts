/** The whole server beside a Redis that is full: what goes on, and what is said. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { RedisProcess } from "../support/redis-process.js";
import { type RunningApp, runApp } from "../support/running-app.js";

const SECRET = "a-secret-of-24-characters-and-more";
let redis: RedisProcess;

beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis[Symbol.asyncDispose]());

const start = (): Promise<RunningApp> =>
  runApp({
    settings: {
      issuer: "https://tokens.example.com",
      redis: { url: redis.url },
      revocation: { max_staleness: "2s" },
      clients: [{ id: "etl", secrets: [{ env: "ETL_SECRET" }] }],
    },
    env: { ETL_SECRET: SECRET, ICEMINT_SEALING_KEY: Buffer.alloc(32, 1).toString("base64") },
  });

interface TokenAnswer {
  readonly status: number;
  readonly token: string;
}

async function ask(app: RunningApp, body: Record<string, string>, bearer?: string): Promise<TokenAnswer> {
  const headers: Record<string, string> = bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` };
  const answer = await fetch(`${app.url}/v1/oauth/tokens`, {
    method: "POST",
    body: new URLSearchParams(body),
    headers,
  });
  const { access_token: token = "" } = (await answer.json()) as { access_token?: string };
  return { status: answer.status, token };
}

const login = (app: RunningApp) =>
  ask(app, { grant_type: "client_credentials", client_id: "etl", client_secret: SECRET, scope: "catalog" });

const refresh = (app: RunningApp, token: string) =>
  ask(
    app,
    {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: token,
      subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
      scope: "catalog",
    },
    token,
  );

const readyz = async (app: RunningApp): Promise<string> => (await fetch(`${app.adminUrl}/readyz?verbose`)).text();
const metrics = async (app: RunningApp): Promise<string> => (await fetch(`${app.adminUrl}/metrics`)).text();

test("Iceberg's refresh goes on beyond max_staleness, a replica starts, and each says once that it is full", async () => {
  await using app = await start();
  await eventually(
    "it is ready",
    async () => (await readyz(app)).endsWith("\nok\n") || (await readyz(app)).includes("[+] redis"),
  );
  const { token } = await login(app);
  expect((await refresh(app, token)).status).toBe(200);

  const admin = redis.connect();
  await admin.config("SET", "maxmemory", "100kb");
  admin.disconnect();
  await eventually("it says so", async () =>
    (await readyz(app)).includes("[~] redis degraded (full: OOM command not allowed"),
  );
  const until = Date.now() + 3000;
  while (Date.now() < until) {
    expect((await refresh(app, token)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect((await login(app)).status).toBe(200);
  const revoking = { method: "POST", body: new URLSearchParams({ token, client_id: "etl", client_secret: SECRET }) };
  expect((await fetch(`${app.url}/v1/oauth/revoke`, revoking)).status).toBe(503);
  expect(await metrics(app)).toMatch(/^icemint_redis_up 1$/m);
  expect(await metrics(app)).toMatch(/^icemint_redis_state\{state="full"\} 1$/m);

  await using late = await start();
  await eventually("a new replica serves what others issued", async () => (await refresh(late, token)).status === 200);
  await eventually("and is ready", async () => (await fetch(`${late.adminUrl}/readyz`)).status === 200);
  expect(await readyz(late)).toContain("[+] revocations ok");

  const said = app.log.filter((line) => line.includes('"msg":"redis ') || line.includes("redis refuses"));
  expect(said.filter((line) => line.includes("redis refuses a part of its work"))).toHaveLength(1);
  expect(said.filter((line) => line.includes("redis is away"))).toEqual([]);
});
