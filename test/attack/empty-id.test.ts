/** A secret without an id says whose it is: an id that is there and empty counts as absent, on every transport. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningApp } from "../support/running-app.js";
import { formCallers, rpcCallers } from "../transport/support/token-callers.js";
import { IDP, idpKey, ISSUER, now, secretOf, startWorld } from "./world.js";

let app: RunningApp;
beforeAll(async () => {
  app = await startWorld({ limits: { failure_burst: 1000 } });
});
afterAll(() => app[Symbol.asyncDispose]());

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

/** The token of a workload that is client `pod`. */
function workloadToken(subject: string): string {
  const claims = { iss: IDP, sub: subject, aud: ISSUER, iat: now, exp: now + 300 };
  return idpKey.sign({ alg: "ES256", kid: idpKey.kid }, claims);
}

/** Each way to send a secret, or a JWT in its place, with an id that is empty. */
function ways(secret: string): Readonly<Record<string, { form: Record<string, string>; authorization?: string }>> {
  const form = { grant_type: "client_credentials" };
  return {
    "Basic with nothing before the colon": { form, authorization: basic(`:${secret}`) },
    "Basic with nothing before the colon, and an empty client_id": {
      form: { ...form, client_id: "" },
      authorization: basic(`:${secret}`),
    },
    "an empty client_id": { form: { ...form, client_id: "", client_secret: secret } },
  };
}

const REFUSED = { oauth: "invalid_client", reason: "CREDENTIALS_INVALID", token: undefined };

describe.each(Object.entries({ ...formCallers, ...rpcCallers }))("over %s", (_transport, call) => {
  test.each(Object.keys(ways("")))("%s is a secret alone", async (way) => {
    const ask = async (secret: string) => call(app.url, ways(secret)[way] ?? { form: {} });
    expect(subjectOf((await ask(secretOf("spark"))).token)).toBe("spark");
    expect(subjectOf((await ask(workloadToken("system:serviceaccount:shop:pod"))).token)).toBe("pod");
    expect(await ask("a-secret-of-nobody-that-is-long-enough")).toMatchObject(REFUSED);
    expect(await ask(secretOf("expired"))).toMatchObject(REFUSED);
    expect(await ask(workloadToken("system:serviceaccount:shop:stranger"))).toMatchObject(REFUSED);
  });

  test("an id beside it decides still", async () => {
    const authorization = basic(`:${secretOf("spark")}`);
    const asked = { form: { grant_type: "client_credentials", client_id: "trino" }, authorization };
    expect(await call(app.url, asked)).toMatchObject({ oauth: "invalid_request", reason: "CREDENTIALS_AMBIGUOUS" });
  });
});

function subjectOf(token: string | undefined): unknown {
  const payload = Buffer.from(token?.split(".")[1] ?? "", "base64url").toString();
  return payload === "" ? undefined : (JSON.parse(payload) as { sub?: unknown }).sub;
}
