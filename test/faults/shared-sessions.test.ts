/** Several replicas on one Redis behave as one. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FORMS, textOf } from "../../chaos/client.js";
import type { FormCaller } from "../../chaos/form-caller.js";
import { type UserSession, beginSession, useRefreshToken } from "../../chaos/user-session.js";
import { eventually } from "../support/eventually.js";
import { Deployment } from "./deployment.js";

const SEEN_WITHIN_MS = 1000;

let deployment: Deployment;
beforeAll(async () => (deployment = await Deployment.start(3, { tokens: { access_ttl: "10m" } })));
afterAll(() => deployment[Symbol.asyncDispose]());

async function begin(caller = deployment.caller()): Promise<UserSession> {
  const session = await beginSession(caller);
  if (session === undefined) throw new Error("no session");
  return session;
}

/** The refresh token after so many uses. */
async function refreshed(session: UserSession, uses: number): Promise<string> {
  const caller = deployment.caller();
  let token = session.refreshToken;
  for (let use = 0; use < uses; use += 1) {
    token = textOf((await useRefreshToken(caller, session.id, token)).body, "refresh_token");
  }
  return token;
}

/** Asks by the client's own credentials: only the session decides. */
const exchange = (caller: FormCaller, { accessToken }: UserSession) =>
  caller.post({ what: "probe", form: FORMS.exchange(accessToken) });

/** Waits until a caller's replica refuses the session, and no longer than it may take. */
const refusedBy = (caller: FormCaller, session: UserSession) =>
  eventually("the session is refused", async () => (await exchange(caller, session)).outcome === "400", SEEN_WITHIN_MS);

/** Comes again if Redis did not answer in time, as clients do. */
async function usedForSure(caller: FormCaller, id: string, token: string): ReturnType<typeof useRefreshToken> {
  for (;;) {
    const answer = await useRefreshToken(caller, id, token);
    if (answer.outcome !== "503") return answer;
  }
}

test("of 60 uses of one refresh token at once, spread over the replicas, all get the same answer, 20 times", async () => {
  const callers = Array.from({ length: 60 }, (_, index) => deployment.caller(index % 3));
  let { id, refreshToken: token } = await begin();
  for (let race = 0; race < 20; race += 1) {
    const answers = await Promise.all(callers.map((caller) => usedForSure(caller, id, token)));
    const successors = new Set(answers.map(({ outcome, body }) => `${outcome} ${textOf(body, "refresh_token")}`));
    expect([...successors]).toEqual([expect.stringMatching(/^ok icr_/)]);
    token = textOf(answers[0]?.body ?? {}, "refresh_token");
  }
});

test("the reuse of a refresh token ends its family at once, and its session on all replicas within a second", async () => {
  const session = await begin();
  const newest = await refreshed(session, 2);
  expect((await useRefreshToken(deployment.caller(1), session.id, session.refreshToken)).body).toMatchObject({
    error: "invalid_grant",
  });
  const callers = deployment.callers();
  const uses = await Promise.all(callers.map((caller) => useRefreshToken(caller, session.id, newest)));
  expect(uses.map(({ body }) => body["error"])).toEqual(["invalid_grant", "invalid_grant", "invalid_grant"]);
  await Promise.all(callers.map((caller) => refusedBy(caller, session)));
});

test("forged refresh tokens never reach Redis", async () => {
  const session = await begin();
  const link = deployment.redis.connect();
  const monitor = await link.monitor();
  const commands: string[] = [];
  monitor.on("monitor", (_: string, args: string[]) => commands.push(args.join(" ")));
  const [family = "", , mac = ""] = session.refreshToken.split(".");
  const forged = Array.from({ length: 50 }, (_, index) => `${family}.${index + 1}.${mac}`);
  const callers = deployment.callers();
  for (const [index, token] of forged.entries()) {
    const answer = await callers[index % 3]?.post({ what: "refresh_token", form: FORMS.refreshToken(token) });
    expect(answer?.body).toMatchObject({ error: "invalid_grant" });
  }
  const ofFamilies = () => commands.filter((command) => command.includes(":family:"));
  expect(ofFamilies()).toEqual([]);
  await refreshed(session, 1);
  await eventually("a good one is seen to reach it", () => ofFamilies().length > 0);
  const closed = once(monitor, "end");
  monitor.disconnect();
  link.disconnect();
  await closed;
});

// SECURITY.md: "A revocation ends the session everywhere".
describe("a revocation that one replica acknowledged", () => {
  test("is seen by the others within a second", async () => {
    const callers = deployment.callers();
    for (const revoker of callers) {
      const session = await begin();
      const seenBefore = await Promise.all(callers.map((caller) => exchange(caller, session)));
      expect(seenBefore.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok"]);
      const form = { token: session.accessToken };
      expect(await revoker.post({ what: "revoke", path: "/v1/oauth/revoke", form })).toMatchObject({ outcome: "ok" });
      await Promise.all(callers.map((caller) => refusedBy(caller, session)));
    }
  });

  test("is in force on a replica that starts afterwards, from its first answer", async () => {
    const session = await begin();
    const form = { token: session.accessToken };
    await deployment.caller(1).post({ what: "revoke", path: "/v1/oauth/revoke", form });
    const late = deployment.caller(await deployment.another());
    expect((await exchange(late, session)).body).toMatchObject({ error: "invalid_request" });
    expect((await exchange(late, await begin(late))).outcome).toBe("ok");
  });
});

test("600 requests of client credentials and Iceberg refreshes cost no Redis command", async () => {
  const link = deployment.redis.connect();
  /** All commands so far but those that look. */
  const commands = async (): Promise<number> => {
    const calls = [...(await link.info("commandstats")).matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)];
    return calls.reduce((sum, [, name, count]) => (name === "info" ? sum : sum + Number(count)), 0);
  };
  const idle = { commands: -(await commands()), ms: -performance.now() };
  await sleep(2000);
  idle.commands += await commands();
  idle.ms += performance.now();

  const callers = deployment.callers();
  const busy = { commands: -(await commands()), ms: -performance.now() };
  await Promise.all(
    callers.map(async (caller) => {
      for (let pair = 0; pair < 100; pair += 1) {
        const first = await caller.post({ what: "client_credentials", form: FORMS.clientCredentials });
        const bearer = textOf(first.body, "access_token");
        expect(await caller.post({ what: "exchange", form: FORMS.exchange(bearer), bearer })).toMatchObject({
          outcome: "ok",
        });
      }
    }),
  );
  busy.commands += await commands();
  busy.ms += performance.now();
  link.disconnect();
  // What the replicas send by themselves comes once or twice a second each: it may fall into either time.
  const expected = (idle.commands / idle.ms) * busy.ms;
  expect(busy.commands).toBeLessThan(expected * 1.5 + 40);
});
