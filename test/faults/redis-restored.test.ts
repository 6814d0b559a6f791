/** Redis comes back without what it had acknowledged: replicas give it back what they hold. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FORMS, claimsOf, textOf } from "../../chaos/client.js";
import type { FormCaller } from "../../chaos/form-caller.js";
import { type UserSession, beginSession } from "../../chaos/user-session.js";
import { eventually } from "../support/eventually.js";
import { Deployment } from "./deployment.js";

/** Two heartbeats, the reading of the log, and room for a busy machine. */
const HEALED_WITHIN_MS = 6000;

let deployment: Deployment;
beforeAll(async () => (deployment = await Deployment.start(2, { tokens: { access_ttl: "10m" } })));
afterAll(() => deployment[Symbol.asyncDispose]());

async function beginAndRevoke(): Promise<UserSession> {
  const caller = deployment.caller();
  const session = await beginSession(caller);
  if (session === undefined) throw new Error("no session");
  const form = { token: session.accessToken };
  expect(await caller.post({ what: "revoke", path: "/v1/oauth/revoke", form })).toMatchObject({ outcome: "ok" });
  return session;
}

async function logLength(): Promise<number> {
  const link = deployment.redis.connect();
  try {
    return await link.xlen("icemint:1:{revocations}:log");
  } finally {
    link.disconnect();
  }
}

const isRefused = async (caller: FormCaller, { accessToken }: UserSession): Promise<boolean> =>
  (await caller.post({ what: "probe", form: FORMS.exchange(accessToken) })).outcome === "400";

/** The key that a replica signs with. */
async function signingKey(caller: FormCaller): Promise<unknown> {
  const { body } = await caller.post({ what: "client_credentials", form: FORMS.clientCredentials });
  const [header = ""] = textOf(body, "access_token").split(".");
  return claimsOf(`.${header}`)["kid"];
}

/** A revocation acknowledged by a replica that runs is good for replicas that start when Redis is back. */
async function expectHealed(revoked: readonly UserSession[]): Promise<void> {
  await eventually("the log is whole again", async () => (await logLength()) >= revoked.length, HEALED_WITHIN_MS);
  const late = deployment.caller(await deployment.another());
  for (const session of revoked) expect(await isRefused(late, session)).toBe(true);
  expect(await signingKey(late)).toBe(await signingKey(deployment.caller(0)));
  const fresh = await beginSession(late);
  expect(fresh && (await isRefused(late, fresh)), "what was not revoked is good").toBe(false);
}

test("a Redis that lost everything gets revocations and keys back", async () => {
  const revoked = [await beginAndRevoke(), await beginAndRevoke()];
  await deployment.redis.kill();
  await deployment.redis.restart();
  await expectHealed(revoked);
}, 30_000);

test("a Redis that was restored from an older snapshot gets back what came after it", async () => {
  const { redis } = deployment;
  const before = await beginAndRevoke();
  const link = redis.connect();
  await link.save();
  link.disconnect();
  const dump = join(redis.directory, "dump.rdb");
  copyFileSync(dump, `${dump}.old`);
  const after = [await beginAndRevoke(), await beginAndRevoke()];
  const lengthBefore = await logLength();

  await redis.kill();
  copyFileSync(`${dump}.old`, dump);
  await redis.restart();
  expect(await logLength(), "the snapshot is older").toBeLessThan(lengthBefore);
  await eventually("the log is whole again", async () => (await logLength()) >= lengthBefore, HEALED_WITHIN_MS);
  await expectHealed([before, ...after]);
}, 30_000);
