import { describe, expect, test } from "vitest";
import { ISSUER, byBasic, byBearer, byPost, claimsOf, client, refusal, startCore, CALLER } from "../support/core.js";

describe("client credentials", () => {
  test("give a bearer token with every member that real clients need", async () => {
    const core = await startCore([client("etl")]);
    expect(await core.login("etl")).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      token_type: "bearer",
      expires_in: 3600,
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      scope: "catalog",
    });
  });

  test("make the client the subject of a new session (RFC 9068 section 2.2)", async () => {
    const core = await startCore([client("etl", { claims: { team: "etl" } })]);
    const now = Math.floor(core.clock() / 1000);
    expect(claimsOf((await core.login("etl")).access_token)).toEqual({
      iss: ISSUER,
      sub: "etl",
      aud: ISSUER,
      client_id: "etl",
      scope: "catalog",
      team: "etl",
      iat: now,
      exp: now + 3600,
      auth_time: now,
      session_exp: now + 86_400,
      sid: expect.stringMatching(/^[\w-]{22}$/),
      jti: expect.stringMatching(/^[\w-]{22}$/),
    });
  });

  test("ignore a stale Bearer beside a secret in the body (PyIceberg, Java)", async () => {
    const core = await startCore([client("etl")]);
    const credentials = { ...byPost("etl"), ...byBearer("stale.token.here") };
    expect(await core.ask({ type: "client_credentials" }, credentials)).toMatchObject({ token_type: "bearer" });
  });

  test("are not given for a Bearer token alone", async () => {
    const core = await startCore([client("etl")]);
    const { access_token: token } = await core.login("etl");
    expect(await refusal(core.ask({ type: "client_credentials" }, byBearer(token)))).toMatchObject({
      code: "invalid_client",
    });
  });

  test("are refused to a client without the grant", async () => {
    const core = await startCore([client("etl", { grants: new Set(["token_exchange"]) })]);
    expect(await refusal(core.login("etl"))).toMatchObject({
      code: "unauthorized_client",
      reason: "GRANT_NOT_ALLOWED",
    });
  });

  test("never give more scope than allowed, and say what is", async () => {
    const core = await startCore([client("etl")]);
    const error = await refusal(core.login("etl", { scope: "catalog admin" }));
    expect(error).toMatchObject({ code: "invalid_scope", reason: "SCOPE_NOT_ALLOWED" });
    expect(error.message).toMatch(/etl.*admin.*catalog/);
  });

  test("are recorded with client, scope, session and how the client proved itself", async () => {
    const core = await startCore([client("etl")]);
    const { access_token: token } = await core.ask({ type: "client_credentials" }, byBasic("etl"));
    const { sid, jti } = claimsOf(token);
    expect(core.recorded).toEqual([
      {
        event: "issued",
        decision: expect.objectContaining({
          grant: "client_credentials",
          clientId: "etl",
          subject: "etl",
          scope: ["catalog"],
          sessionId: sid,
          tokenId: jti,
          authMethod: "client_secret_basic",
          via: "client_credentials",
        }),
      },
    ]);
    expect(JSON.stringify(core.recorded)).not.toContain(token);
  });

  test("after a not-before revocation give a session that it does not catch", async () => {
    const core = await startCore([client("etl"), client("admin", { permissions: new Set(["revoke"]) })]);
    const before = (await core.login("etl")).access_token;
    const caller = {
      credentials: byPost("admin"),
      caller: CALLER,
    };
    await core.revocation.revoke({ ...caller, target: { kind: "client", clientId: "etl" } });
    const after = (await core.login("etl")).access_token;
    const active = async (token: string) =>
      (await core.introspection.introspect({ credentials: byPost("etl"), caller: caller.caller, token })).active;
    expect([await active(before), await active(after)]).toEqual([false, true]);
  });
});
