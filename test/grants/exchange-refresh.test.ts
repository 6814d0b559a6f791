import { describe, expect, test } from "vitest";
import { MINUTE } from "../../src/time/clock.js";
import { clientSet } from "../../src/clients/client-registry.js";
import {
  CALLER,
  byBasic,
  byBearer,
  byPost,
  claimsOf,
  client,
  refusal,
  startCore,
  subject,
  ISSUER,
  type TestCore,
  userToken,
} from "../support/core.js";

const HOUR = 3600;

async function usersSession(core: TestCore, id: string): Promise<string> {
  const user = userToken(core, { email: "ada@example.com" });
  return (await core.exchange(subject(user, "id_token"), byPost(id))).access_token;
}

describe("a live token that asks for itself, as Bearer and subject", () => {
  test("is refreshed: same claims, new expiry and id, inside the same session", async () => {
    const core = await startCore([client("etl", { claims: { team: "etl" } })]);
    const old = (await core.login("etl")).access_token;
    core.pass(50 * 60);
    const answer = await core.exchange(subject(old), byBearer(old));
    const [before, after] = [claimsOf(old), claimsOf(answer.access_token)];
    expect(after).toEqual({
      ...before,
      iat: expect.any(Number),
      exp: Number(before["exp"]) + 50 * 60,
      jti: expect.any(String),
    });
    expect(after["jti"]).not.toBe(before["jti"]);
    expect(answer).toMatchObject({ expires_in: HOUR, issued_token_type: expect.stringContaining("access_token") });
    expect(answer.refresh_token).toBeUndefined();
  });

  test("may be refreshed again and again by the same old token: nothing is used up", async () => {
    const core = await startCore([client("etl")]);
    const old = (await core.login("etl")).access_token;
    for (let i = 0; i < 7; i++) await core.exchange(subject(old), byBearer(old));
  });

  test("needs no exchange grant, since client credentials began the session", async () => {
    const core = await startCore([client("etl", { grants: new Set(["client_credentials"]) })]);
    const old = (await core.login("etl")).access_token;
    expect(await core.exchange(subject(old), byBearer(old))).toMatchObject({ token_type: "bearer" });
  });

  test("as subject of type jwt is still checked as ours, and answered as jwt if that is asked for", async () => {
    const core = await startCore([client("etl")]);
    const old = (await core.login("etl")).access_token;
    const answer = await core.exchange({ ...subject(old, "jwt"), requestedTokenType: "jwt" }, byBearer(old));
    expect(answer.issued_token_type).toBe("urn:ietf:params:oauth:token-type:jwt");
  });

  test("gets 401 once it has expired, was revoked, or its client was disabled or removed", async () => {
    const core = await startCore([client("etl")]);
    const old = (await core.login("etl")).access_token;
    const refused = () => refusal(core.exchange(subject(old), byBearer(old)));
    for (const clients of [[client("etl", { disabled: true })], []]) {
      core.registry.current = clientSet(clients);
      expect(await refused()).toMatchObject({ code: "invalid_client", scheme: "Bearer" });
    }
    core.registry.current = clientSet([client("etl")]);
    await core.revocation.revoke({ credentials: byPost("etl"), caller: CALLER, target: { kind: "token", token: old } });
    expect(await refused()).toMatchObject({ code: "invalid_client", scheme: "Bearer" });
    const other = (await core.login("etl")).access_token;
    core.pass(HOUR);
    expect(await refusal(core.exchange(subject(other), byBearer(other)))).toMatchObject({ code: "invalid_client" });
  });

  test("drops the scope that the client has lost, and says so", async () => {
    const core = await startCore([client("etl", { scopes: { allowed: new Set(["a", "b"]), default: ["a", "b"] } })]);
    const old = (await core.login("etl")).access_token;
    core.registry.current = clientSet([client("etl", { scopes: { allowed: new Set(["b"]), default: ["b"] } })]);
    expect((await core.exchange(subject(old), byBearer(old), { scope: "a b" })).scope).toBe("b");
  });

  test("never gains scope or audience", async () => {
    const audiences = { allowed: new Set([ISSUER, "https://b"]), default: [ISSUER] };
    const core = await startCore([client("etl", { audiences })]);
    const old = (await core.login("etl", { scope: "catalog" })).access_token;
    expect(await refusal(core.exchange(subject(old), byBearer(old), { scope: "PRINCIPAL_ROLE:ALL" }))).toMatchObject({
      code: "invalid_scope",
    });
    expect(await refusal(core.exchange(subject(old), byBearer(old), { audience: ["https://b"] }))).toMatchObject({
      code: "invalid_target",
    });
  });

  test("is told to try again when revocations could not be read for too long", async () => {
    const core = await startCore([client("etl")]);
    const old = (await core.login("etl")).access_token;
    core.view.age = 5 * MINUTE + 1;
    expect(await refusal(core.exchange(subject(old), byBearer(old)))).toMatchObject({
      code: "temporarily_unavailable",
      retryAfterSeconds: 1,
    });
    expect(await core.exchange(subject(old), byBasic("etl"))).toMatchObject({ token_type: "bearer" });
  });
});

describe("the end of a session", () => {
  test("refuses a refresh that would gain less than a quarter of a life, while the token still lives", async () => {
    const core = await startCore([client("etl")]);
    let token = (await core.login("etl")).access_token;
    let refreshes = 0;
    for (;;) {
      core.pass(55 * 60); // Java asks 5 minutes early
      try {
        token = (await core.exchange(subject(token), byBearer(token))).access_token;
        refreshes++;
      } catch (error) {
        expect(error).toMatchObject({ code: "invalid_request", reason: "SESSION_ENDING" });
        break;
      }
    }
    const now = Math.floor(core.clock() / 1000);
    expect(refreshes).toBeGreaterThan(23);
    expect(Number(claimsOf(token)["exp"]) - now).toBeGreaterThan(4);
    expect(Number(claimsOf(token)["exp"])).toBeLessThanOrEqual(Number(claimsOf(token)["session_exp"]));
    // Java's six tries over 3.3 s, then Basic with the same token: a new session, and the client lives on.
    for (let tries = 0; tries < 5; tries++) await refusal(core.exchange(subject(token), byBearer(token)));
    core.pass(4);
    const rescued = claimsOf((await core.exchange(subject(token), byBasic("etl"))).access_token);
    expect(rescued["sid"]).not.toBe(claimsOf(token)["sid"]);
    expect(Number(rescued["exp"])).toBe(now + 4 + HOUR);
  });

  test("does not keep an early refresh from being answered", async () => {
    const core = await startCore([client("etl")]);
    const token = (await core.login("etl")).access_token;
    core.pass(10);
    expect(await core.exchange(subject(token), byBearer(token))).toMatchObject({ expires_in: HOUR });
  });
});

describe("a client's own token, asked for with the client's own credentials (Java's Basic fallback)", () => {
  test("is continued when it has expired but its session has not", async () => {
    const core = await startCore([client("etl", { grants: new Set(["client_credentials"]) })]);
    const old = (await core.login("etl")).access_token;
    core.pass(2 * HOUR);
    const fresh = claimsOf((await core.exchange(subject(old), byBasic("etl"), { scope: "catalog" })).access_token);
    expect(fresh).toMatchObject({ sid: claimsOf(old)["sid"], auth_time: claimsOf(old)["auth_time"] });
  });

  test("is refused to a client that may not use client credentials any more, by every way of asking", async () => {
    const core = await startCore([client("etl")]);
    const token = (await core.login("etl")).access_token;
    core.registry.current = clientSet([client("etl", { grants: new Set(["token_exchange"]) })]);
    for (const credentials of [byBearer(token), byBasic("etl")]) {
      expect(await refusal(core.exchange(subject(token), credentials))).toMatchObject({ code: "unauthorized_client" });
    }
  });

  test("is answered by a new session when its own has ended or was revoked", async () => {
    const core = await startCore([client("etl")]);
    const revoked = (await core.login("etl")).access_token;
    await core.revocation.revoke({
      credentials: byPost("etl"),
      caller: CALLER,
      target: { kind: "token", token: revoked },
    });
    const ended = (await core.login("etl")).access_token;
    const sids = new Set([claimsOf(revoked)["sid"], claimsOf(ended)["sid"]]);
    sids.add(claimsOf((await core.exchange(subject(revoked), byBasic("etl"))).access_token)["sid"]);
    core.pass(25 * HOUR);
    sids.add(claimsOf((await core.exchange(subject(ended), byBasic("etl"))).access_token)["sid"]);
    expect(sids.size).toBe(4);
  });

  test("keeps its scope and audience in a new session, unless the client has lost all of them", async () => {
    const audiences = { allowed: new Set([ISSUER, "https://other.example.com"]), default: [ISSUER] };
    const core = await startCore([client("etl", { audiences })]);
    const narrow = { scope: "PRINCIPAL_ROLE:ALL", audience: ["https://other.example.com"] };
    const old = (await core.login("etl", narrow)).access_token;
    core.pass(25 * HOUR);
    const again = () => core.exchange(subject(old), byBasic("etl")).then((answer) => claimsOf(answer.access_token));
    expect(await again()).toMatchObject({ scope: "PRINCIPAL_ROLE:ALL", aud: "https://other.example.com" });
    const scopes = { allowed: new Set(["catalog"]), default: ["catalog"] };
    core.registry.current = clientSet([client("etl", { scopes })]);
    expect(await again()).toMatchObject({ scope: "catalog", aud: ISSUER });
  });

  test("is answered by a new session when a revoked key signed it", async () => {
    const core = await startCore([client("etl")]);
    const old = (await core.login("etl")).access_token;
    await core.keys.revoke(core.keys.signer().kid);
    expect(await refusal(core.exchange(subject(old), byBearer(old)))).toMatchObject({ code: "invalid_client" });
    const fresh = claimsOf((await core.exchange(subject(old), byBasic("etl"))).access_token);
    expect(fresh["sid"]).not.toBe(claimsOf(old)["sid"]);
  });

  test("gets 401 with a wrong secret, however good the token", async () => {
    const core = await startCore([client("etl")]);
    const old = (await core.login("etl")).access_token;
    const wrong = { clientId: "etl", clientSecret: "wrong" };
    expect(await refusal(core.exchange(subject(old), wrong))).toMatchObject({ code: "invalid_client" });
  });

  test("is not refreshed by another of its tokens as Bearer", async () => {
    const core = await startCore([client("etl")]);
    const [one, two] = [(await core.login("etl")).access_token, (await core.login("etl")).access_token];
    expect(await refusal(core.exchange(subject(one), byBearer(two)))).toMatchObject({ reason: "SUBJECT_NOT_ALLOWED" });
  });
});

describe("a user's token", () => {
  test("refreshes itself without an actor, and keeps subject, actor, session and copied claims (Java)", async () => {
    const core = await startCore([client("trino")]);
    const old = await usersSession(core, "trino");
    core.pass(55 * 60);
    const fresh = claimsOf((await core.exchange(subject(old), byBearer(old))).access_token);
    expect(fresh).toMatchObject({
      sub: "idp:ada",
      act: { sub: "trino" },
      email: "ada@example.com",
      sid: claimsOf(old)["sid"],
    });
  });

  test("expired, is refreshed by its client's credentials inside its session only", async () => {
    const core = await startCore([client("trino")]);
    const old = await usersSession(core, "trino");
    core.pass(2 * HOUR);
    const fresh = claimsOf((await core.exchange(subject(old), byBasic("trino"))).access_token);
    expect(fresh).toMatchObject({ sub: "idp:ada", sid: claimsOf(old)["sid"] });
    core.pass(23 * HOUR);
    expect(await refusal(core.exchange(subject(old), byBasic("trino")))).toMatchObject({
      code: "invalid_request",
      reason: "SESSION_ENDED",
    });
  });

  test("loses a static claim that its client's record has lost, and keeps what was copied from the user's token", async () => {
    const core = await startCore([client("trino", { userClaims: { team: "a", site: "x" } })]);
    const old = await usersSession(core, "trino");
    core.registry.current = clientSet([client("trino", { userClaims: { site: "y" } })]);
    const fresh = claimsOf((await core.exchange(subject(old), byBearer(old))).access_token);
    expect(fresh).toMatchObject({ site: "y", email: "ada@example.com" });
    expect(fresh).not.toHaveProperty("team");
  });

  test("has the user claims of its client, and never those of the client's own tokens", async () => {
    const core = await startCore([
      client("trino", { claims: { principal_name: "trino" }, userClaims: { tenant: "t" } }),
    ]);
    const old = await usersSession(core, "trino");
    const fresh = (await core.exchange(subject(old), byBearer(old))).access_token;
    const byCredentials = (await core.exchange(subject(old), byBasic("trino"))).access_token;
    for (const token of [old, fresh, byCredentials]) {
      expect(claimsOf(token)).toMatchObject({ sub: "idp:ada", tenant: "t", email: "ada@example.com" });
      expect(claimsOf(token)).not.toHaveProperty("principal_name");
    }
    const own = claimsOf((await core.login("trino")).access_token);
    expect(own).toMatchObject({ principal_name: "trino" });
    expect(own).not.toHaveProperty("tenant");
  });

  test("loses a removed static claim of a name that a trusted issuer copies, too, and does not hand it on", async () => {
    const named = { grants: new Set(["client_credentials", "token_exchange", "refresh_token"] as const) };
    const core = await startCore([client("trino", { ...named, userClaims: { groups: ["admin"] } })]);
    const user = userToken(core, { email: "ada@example.com" });
    const { access_token: old, refresh_token: refreshToken } = await core.exchange(
      subject(user, "id_token"),
      byPost("trino"),
    );
    expect(claimsOf(old)).toMatchObject({ groups: ["admin"], email: "ada@example.com", copied_claims: ["email"] });
    core.registry.current = clientSet([client("trino", named), client("other", { mayActFor: new Set(["trino"]) })]);
    const successors = [
      await core.exchange(subject(old), byBearer(old)),
      await core.exchange(subject(old), byBasic("trino")),
      await core.exchange(subject(old), byPost("other")),
      await core.ask({ type: "refresh_token", refreshToken }, byPost("trino")),
    ];
    for (const { access_token } of successors) {
      expect(claimsOf(access_token)).toMatchObject({ sub: "idp:ada", email: "ada@example.com" });
      expect(claimsOf(access_token)).not.toHaveProperty("groups");
    }
  });

  test("once revoked is never refreshed, by no way of asking", async () => {
    const core = await startCore([client("trino")]);
    const old = await usersSession(core, "trino");
    await core.revocation.revoke({
      credentials: byPost("trino"),
      caller: CALLER,
      target: { kind: "token", token: old },
    });
    expect(await refusal(core.exchange(subject(old), byBasic("trino")))).toMatchObject({ reason: "SESSION_REVOKED" });
    expect(await refusal(core.exchange(subject(old), byBearer(old)))).toMatchObject({ code: "invalid_client" });
  });

  test("proves no client: as Bearer or actor for another subject it is refused", async () => {
    const core = await startCore([client("trino")]);
    const own = (await core.login("trino")).access_token;
    const user = await usersSession(core, "trino");
    expect(await refusal(core.exchange(subject(own), byBearer(user)))).toMatchObject({ code: "invalid_client" });
    const asActor = { ...subject(own), actorToken: user, actorTokenType: "access_token" as const };
    expect(await refusal(core.exchange(asActor, byPost("trino")))).toMatchObject({ reason: "ACTOR_TOKEN_INVALID" });
  });
});
