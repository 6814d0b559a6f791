/** Every shape of token request that real clients send, sent to the built server as they send it. */
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CapturedWorld, startCapturedWorld } from "./captured-world.js";
import { capturedRequests, filled } from "./captured-requests.js";
import { expectRefusal, expectTokenSet } from "./fit-for-clients.js";
import { send } from "./http-exchange.js";

/** What is refused, and why that is right. All else must be answered with a token. */
const REFUSED: Readonly<Record<string, readonly [status: number, error: string, says: RegExp]>> = {
  // Java trims the form but not Basic, PyIceberg trims nothing: a credential with spaces round it never was this client's.
  "java-iceberg-core-1.12.0 basic-fallback-trim": [401, "invalid_client", /credentials/],
  "pyiceberg-0.12.0 cc-trim": [401, "invalid_client", /credentials/],
  "java-iceberg-core-1.12.0 ctx-saml2": [400, "invalid_request", /subject_token_type/],
  "java-iceberg-core-1.12.0 ctx-token-expired-jwt": [400, "invalid_request", /expired/],
  // The SDK has no parameter for the token itself.
  "apache-polaris-1.8.0 refresh-token-grant": [401, "invalid_client", /credentials/],
  // Without `access_token` in its configuration the SDK authenticates nobody but by the actor token.
  "apache-polaris-1.8.0 exchange-plain-strings": [401, "invalid_client", /credentials/],
  "nimbus-oauth2-oidc-sdk-11.37.2 public-client": [401, "invalid_client", /credentials/],
  "clickhouse credentials-in-the-query": [400, "invalid_request", /oauth_server_use_request_body/],
};

/** Whom the token of an exchange speaks for; all others are the client's own. */
const SUBJECTS: Readonly<Record<string, string>> = {
  "java-iceberg-core-1.12.0 ctx-jwt": "idp:alice",
  "java-iceberg-core-1.12.0 ctx-id-token": "idp:alice",
  "java-iceberg-core-1.12.0 ctx-access-token": "idp:alice",
  "java-iceberg-core-1.12.0 ctx-unsecured-jwt": "alice",
  "java-iceberg-core-1.12.0 ctx-jwt-refresh": "idp:alice",
  "java-iceberg-core-1.12.0 ctx-jwt-then-expired-basic": "idp:alice",
  "java-iceberg-core-1.12.0 ctx-credential": "user-id",
  "apache-polaris-1.8.0 exchange-bearer": "idp:alice",
  "apache-polaris-1.8.0 exchange": "idp:alice",
  "nimbus-oauth2-oidc-sdk-11.37.2 exchange": "idp:alice",
  "nimbus-oauth2-oidc-sdk-11.37.2 refresh": "idp:alice",
  "duckdb-iceberg refresh-token": "idp:alice",
};

let world: CapturedWorld;
beforeAll(async () => {
  world = await startCapturedWorld();
});
afterAll(async () => {
  await world.server[Symbol.asyncDispose]();
});

const clients = [...new Set(capturedRequests().map(({ client }) => client))];

describe.each(clients)("%s", (client) => {
  test.each(capturedRequests().filter((request) => request.client === client))("$scenario", async (request) => {
    const name = `${request.client} ${request.scenario}`;
    const answer = await send(world.server.url, filled(request, await world.values()));
    const refused = REFUSED[name];
    if (refused !== undefined) {
      const [status, error, says] = refused;
      expect(expectRefusal(answer, status, error)).toMatch(says);
      return;
    }
    const { access_token: token } = expectTokenSet(answer);
    const subject = SUBJECTS[name] ?? "svc-id";
    expect(decodeJwt(token)).toMatchObject({ sub: subject, client_id: subject === "user-id" ? "user-id" : "svc-id" });
    if (!["svc-id", "user-id"].includes(subject)) expect(decodeJwt(token)).toMatchObject({ act: { sub: "svc-id" } });
  });
});

test("there is a capture of every expectation", () => {
  const names = capturedRequests().map(({ client, scenario }) => `${client} ${scenario}`);
  expect(names).toEqual(expect.arrayContaining([...Object.keys(REFUSED), ...Object.keys(SUBJECTS)]));
  expect(new Set(names).size).toBe(names.length);
});

test("no secret and no token of all these requests is in the log", async () => {
  const { id, user_id: userId, ...secrets } = await world.values();
  expect([id, userId]).toEqual(["svc-id", "user-id"]);
  for (const [name, value] of Object.entries(secrets)) expect(world.server.stderr.includes(value), name).toBe(false);
  expect(world.server.stderr).not.toContain("s3cr");
});
