/** Sequences of failing attempts over every transport: the answers to an id that exists are those to one that does not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHash } from "node:crypto";
import { now, secretOf, startWorld, strangerKey, ISSUER, JWT_BEARER } from "../attack/world.js";
import type { RunningApp } from "../support/running-app.js";
import { formCallers, rpcCallers, type Outcome, type TokenCaller } from "./support/token-callers.js";

const digest = (id: string) => ({ sha256: createHash("sha256").update(secretOf(id)).digest("hex") });
/** Nobody listens there. */
const AWAY = "http://127.0.0.1:9/jwks";

const BURST = 20;

async function start(): Promise<RunningApp> {
  return startWorld({
    clients: [
      { id: "known", secrets: [digest("known")] },
      { id: "off", secrets: [digest("off")], disabled: true },
      { id: "expired", secrets: [{ ...digest("expired"), expires: "2020-01-01T00:00:00Z" }] },
      { id: "away", jwks_uri: AWAY },
    ],
    limits: { failure_burst: BURST, failure_refill_per_minute: 1 },
  });
}

/** Fails so often with a secret, and then once with an assertion. All that tells one answer from another. */
async function answers(url: string, call: TokenCaller, id: string, times: number): Promise<unknown[]> {
  const given: Outcome[] = [];
  const cc = { grant_type: "client_credentials" };
  const assertion = strangerKey.sign({ alg: "ES256" }, { iss: id, sub: id, aud: ISSUER, exp: now + 300 });
  given.push(
    await call(url, { form: { ...cc, client_assertion: assertion, client_assertion_type: JWT_BEARER } }),
    await call(url, { form: cc, authorization: `Basic ${Buffer.from(`${id}:wrong`).toString("base64")}` }),
  );
  for (let at = 0; at < times; at++)
    given.push(await call(url, { form: { ...cc, client_id: id, client_secret: "no" } }));
  return given.map(({ requestId, ...told }) => ({ ...told, id: requestId?.length }));
}

// SECURITY.md: "A refusal tells nothing".
describe.each(Object.entries({ ...formCallers, ...rpcCallers }))("%s", (_, call) => {
  // An app for each run: the bucket of the address is one and the same.
  let apps: readonly RunningApp[];
  beforeAll(async () => {
    apps = await Promise.all(Array.from({ length: 5 }, start));
  });
  afterAll(() => Promise.all(apps.map((app) => app[Symbol.asyncDispose]())));

  test("answers each kind of client as an id that does not exist, before there are too many failures and after", async () => {
    const ids = ["nobody", "known", "off", "expired", "away"];
    const all = await Promise.all(apps.map(({ url }, at) => answers(url, call, ids[at] ?? "", BURST)));
    for (const one of all) expect(one).toEqual(all[0]);
    expect(all[0]?.[0]).toMatchObject({ oauth: "invalid_client", reason: "CREDENTIALS_INVALID" });
    expect(all[0]?.at(-1)).toMatchObject({ oauth: "slow_down", retry: true });
    // The next id, whether or not it exists, has no answer of its own.
    const next = await Promise.all(apps.map(({ url }, at) => answers(url, call, ids.toReversed()[at] ?? "", 1)));
    for (const one of next) expect(one).toEqual(next[0]);
  });
});
