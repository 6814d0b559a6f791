/** Every transport judges the same request alike, and says so in its own words. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tokenCases } from "./cases/token-cases.js";
import { startServer, type TestServer } from "./support/fake-core.js";
import { formCallers, rpcCallers, type Outcome } from "./support/token-callers.js";

let running: TestServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.server.close());

for (const [transport, call] of Object.entries({ ...formCallers, ...rpcCallers })) {
  const kind = transport in formCallers ? "form" : "rpc";
  describe(transport, () => {
    for (const { name, form, authorization, expected } of tokenCases.filter(({ only = kind }) => only === kind)) {
      test(name, async () => {
        const outcome = await call(running.url, { form, ...(authorization !== undefined && { authorization }) });
        expect(outcome.requestId).toMatch(/^[\w-]{22}$/);
        if (expected === "token") {
          expect(outcome).toMatchObject({ token: "header.payload.signature", oauth: undefined });
          return;
        }
        const words: Partial<Outcome> = kind === "form" ? { http: expected.http } : { code: expected.grpc };
        expect(outcome).toMatchObject({ oauth: expected.oauth, reason: expected.reason, ...words });
        expect(outcome.retry).toBe(["slow_down", "temporarily_unavailable"].includes(expected.oauth));
        expect(outcome.description).not.toContain("s3cr3t");
        expect(outcome.token).toBeUndefined();
      });
    }
  });
}

test("what reaches the core is the same plain request on every transport", async () => {
  const plain = [];
  const asked = {
    form: {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: "é+ %",
      subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
      client_id: "spark",
      scope: "catalog PRINCIPAL_ROLE:ALL",
      audience: ["a", "b"],
    },
    authorization: "Bearer abc",
  };
  for (const call of Object.values({ ...formCallers, ...rpcCallers })) {
    await call(running.url, asked);
    const { caller, ...request } = running.seen.tokens.at(-1) ?? {};
    plain.push(request);
    expect(caller).toMatchObject({ address: "127.0.0.1" });
  }
  expect(plain).toHaveLength(11);
  for (const request of plain) expect(request).toEqual(plain[0]);
  expect(plain[0]).toMatchObject({ audience: ["a", "b"], resource: [], credentials: { authorization: "Bearer abc" } });
});

test("each transport is named in the audit", async () => {
  const names = [];
  for (const call of Object.values({ ...formCallers, ...rpcCallers })) {
    await call(running.url, { form: { grant_type: "client_credentials" } });
    names.push(running.seen.tokens.at(-1)?.caller.transport);
  }
  expect(names).toEqual([
    "form",
    "form",
    "form",
    "grpc",
    "grpc",
    "grpc-web",
    "grpc-web",
    "connect",
    "connect",
    "connect",
    "connect",
  ]);
});
