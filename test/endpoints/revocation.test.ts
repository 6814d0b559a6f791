import { describe, expect, test } from "vitest";
import { clientSet } from "../../src/clients/client-registry.js";
import {
  CALLER,
  IDP,
  ISSUER,
  byBearer,
  byPost,
  claimsOf,
  client,
  refusal,
  startCore,
  subject,
  userToken,
} from "../support/core.js";

const admin = client("admin", { permissions: new Set(["revoke", "introspect"]) });

describe("revocation (RFC 7009)", () => {
  test("of an unknown, foreign or dead token is no error", async () => {
    const core = await startCore([client("etl")]);
    const dead = (await core.login("etl")).access_token;
    core.pass(49 * 3600);
    for (const token of ["unknown", "a.b.c", `icr_${"x".repeat(22)}.0.${"x".repeat(43)}`, dead]) {
      await core.revocation.revoke({ credentials: byPost("etl"), caller: CALLER, target: { kind: "token", token } });
    }
    const revoked = core.recorded.filter((record) => "detail" in record && record.event === "revoked");
    expect(revoked).toHaveLength(4);
    for (const record of revoked) expect(record).toMatchObject({ detail: [{ clientId: "etl" }, "nothing", undefined] });
  });

  test("of a refresh token that idled out ends its session, which goes on by exchange otherwise", async () => {
    const core = await startCore([client("etl", { grants: new Set(["token_exchange", "refresh_token"]) })]);
    const user = userToken(core);
    const begun = await core.exchange(subject(user, "jwt"), byPost("etl"));
    const token = begun.refresh_token ?? "";
    let accessToken = begun.access_token;
    for (let hour = 0; hour < 3; hour += 1) {
      core.pass(3500);
      accessToken = (await core.exchange(subject(accessToken), byBearer(accessToken))).access_token;
    }
    const used = core.ask({ type: "refresh_token", refreshToken: token }, byPost("etl"));
    expect((await refusal(used)).code).toBe("invalid_grant");
    await core.revocation.revoke({ credentials: byPost("etl"), caller: CALLER, target: { kind: "token", token } });
    expect((await refusal(core.exchange(subject(accessToken), byBearer(accessToken)))).code).toBe("invalid_client");
    expect((await refusal(core.exchange(subject(accessToken), byPost("etl")))).reason).toBe("SESSION_REVOKED");
  });

  test("of a refresh token that was replaced long ago ends its session", async () => {
    const core = await startCore([client("etl", { grants: new Set(["token_exchange", "refresh_token"]) })]);
    const user = userToken(core);
    const begun = await core.exchange(subject(user, "jwt"), byPost("etl"));
    const token = begun.refresh_token ?? "";
    const next = await core.ask({ type: "refresh_token", refreshToken: token }, byPost("etl"));
    core.pass(600);
    await core.revocation.revoke({ credentials: byPost("etl"), caller: CALLER, target: { kind: "token", token } });
    const used = core.ask({ type: "refresh_token", refreshToken: next.refresh_token }, byPost("etl"));
    expect((await refusal(used)).code).toBe("invalid_grant");
    expect((await refusal(core.exchange(subject(next.access_token), byPost("etl")))).reason).toBe("SESSION_REVOKED");
  });

  test("of another client's token needs the permission", async () => {
    const core = await startCore([client("etl"), client("other"), admin]);
    const token = (await core.login("etl")).access_token;
    const revoke = (id: string) =>
      core.revocation.revoke({ credentials: byPost(id), caller: CALLER, target: { kind: "token", token } });
    expect(await refusal(revoke("other"))).toMatchObject({ code: "unauthorized_client", reason: "PERMISSION_MISSING" });
    expect(await core.exchange(subject(token), byBearer(token))).toMatchObject({ token_type: "bearer" });
    await revoke("admin");
    expect(await refusal(core.exchange(subject(token), byBearer(token)))).toMatchObject({ code: "invalid_client" });
  });

  test("ends the whole session: tokens refreshed from it before and after", async () => {
    const core = await startCore([client("etl")]);
    const old = (await core.login("etl")).access_token;
    const fresh = (await core.exchange(subject(old), byBearer(old))).access_token;
    await core.revocation.revoke({
      credentials: byBearer(fresh),
      caller: CALLER,
      target: { kind: "token", token: old },
    });
    expect(await refusal(core.exchange(subject(fresh), byBearer(fresh)))).toMatchObject({ code: "invalid_client" });
    const asker = expect.objectContaining({ caller: CALLER, clientId: "etl", authMethod: "bearer" });
    expect(core.recorded).toContainEqual({ event: "revoked", detail: [asker, "session", claimsOf(old)["sid"]] });
  });

  test("says whether the settings have the client, and with validateOnly revokes nothing", async () => {
    const core = await startCore([client("ops", { permissions: new Set(["revoke"]) }), client("etl")]);
    const token = (await core.login("etl")).access_token;
    const ask = (clientId: string, credentials = byPost("ops")) =>
      core.revocation.revoke({ credentials, caller: CALLER, target: { kind: "client", clientId }, validateOnly: true });
    expect(await ask("etl")).toEqual({ known: true });
    expect(await ask("nosuchclient")).toEqual({ known: false });
    expect(await refusal(ask("ops", byPost("etl")))).toMatchObject({ code: "unauthorized_client" });
    const byToken = { credentials: byPost("etl"), caller: CALLER, target: { kind: "token", token } } as const;
    expect(await core.revocation.revoke({ ...byToken, validateOnly: true })).toEqual({ known: undefined });
    await core.exchange(subject(token), byBearer(token));
    expect(await core.revocation.revoke(byToken)).toEqual({ known: undefined });
    expect(await refusal(core.exchange(subject(token), byBearer(token)))).toMatchObject({ code: "invalid_client" });
  });

  test("of a client's own token lasts as long as the users' sessions that it began, also after its own end", async () => {
    const core = await startCore([client("catalog")]);
    const user = () => userToken(core, { iat: 0 });
    const revoke = (token: string) =>
      core.revocation.revoke({ credentials: byPost("catalog"), caller: CALLER, target: { kind: "token", token } });
    const begin = async () => {
      let own = (await core.login("catalog")).access_token;
      for (let hour = 0; hour < 23; hour++) {
        core.pass(3599);
        own = (await core.exchange(subject(own), byBearer(own))).access_token;
      }
      return { own, users: (await core.exchange(subject(user(), "jwt"), byBearer(own))).access_token };
    };
    const early = await begin();
    await revoke(early.own);
    core.pass(4 * 3600);
    expect(await refusal(core.exchange(subject(early.users), byPost("catalog")))).toMatchObject({
      reason: "SESSION_REVOKED",
    });
    const late = await begin();
    core.pass(4 * 3600);
    await revoke(late.own);
    expect(await refusal(core.exchange(subject(late.users), byPost("catalog")))).toMatchObject({
      reason: "SESSION_REVOKED",
    });
  });

  test("by session needs the permission; by subject, client or all the client's own credentials too", async () => {
    const core = await startCore([client("etl"), admin]);
    const bearer = byBearer((await core.login("admin")).access_token);
    const session = {
      kind: "session" as const,
      sessionId: String(claimsOf((await core.login("etl")).access_token)["sid"]),
    };
    expect(
      await refusal(core.revocation.revoke({ credentials: byPost("etl"), caller: CALLER, target: session })),
    ).toMatchObject({
      reason: "PERMISSION_MISSING",
    });
    await core.revocation.revoke({ credentials: bearer, caller: CALLER, target: session });
    for (const target of [
      { kind: "subject" as const, subject: "etl" },
      { kind: "client" as const, clientId: "etl" },
      { kind: "everything" as const },
    ]) {
      expect(await refusal(core.revocation.revoke({ credentials: bearer, caller: CALLER, target }))).toMatchObject({
        reason: "PERMISSION_MISSING",
      });
      await core.revocation.revoke({ credentials: byPost("admin"), caller: CALLER, target });
    }
  });

  test("by subject reaches the longest subject that a user can have", async () => {
    const core = await startCore([client("etl"), admin]);
    const user = userToken(core, { sub: "x".repeat(2048) });
    const token = (await core.exchange(subject(user, "jwt"), byPost("etl"))).access_token;
    const target = { kind: "subject" as const, subject: String(claimsOf(token)["sub"]) };
    await core.revocation.revoke({ credentials: byPost("admin"), caller: CALLER, target });
    expect(await refusal(core.exchange(subject(token), byBearer(token)))).toMatchObject({ code: "invalid_client" });
  });

  test("by anything but a session id as session is a mistake that is told", async () => {
    const core = await startCore([admin]);
    const target = { kind: "session" as const, sessionId: "not-a-sid" };
    expect(
      await refusal(core.revocation.revoke({ credentials: byPost("admin"), caller: CALLER, target })),
    ).toMatchObject({ reason: "PARAMETER_INVALID" });
  });

  test("takes no Bearer whose audience is not this server", async () => {
    const audiences = { allowed: new Set(["https://catalog"]), default: ["https://catalog"] };
    const core = await startCore([client("etl", { audiences })]);
    const token = (await core.login("etl")).access_token;
    const revoke = core.revocation.revoke({
      credentials: byBearer(token),
      caller: CALLER,
      target: { kind: "token", token },
    });
    expect(await refusal(revoke)).toMatchObject({ code: "invalid_client", reason: "BEARER_INVALID" });
  });
});

describe("introspection (RFC 7662)", () => {
  test("of a live token gives its members, the chain of actors too", async () => {
    const core = await startCore([client("trino")]);
    const now = Math.floor(core.clock() / 1000);
    const user = userToken(core);
    const { access_token: token } = await core.exchange(subject(user, "jwt"), byPost("trino"));
    const claims = claimsOf(token);
    expect(await core.introspection.introspect({ credentials: byPost("trino"), caller: CALLER, token })).toEqual({
      active: true,
      scope: "catalog",
      subject_issuer: IDP,
      client_id: "trino",
      token_type: "bearer",
      exp: now + 3600,
      iat: now,
      nbf: now,
      sub: "idp:ada",
      aud: [ISSUER],
      iss: ISSUER,
      jti: claims["jti"],
      sid: claims["sid"],
      auth_time: now,
      session_exp: now + 86_400,
      act: { sub: "trino" },
    });
  });

  test("by a client that serves audiences opens tokens for these, and closes all others but its own", async () => {
    const [A, B] = ["https://a.example.com", "https://b.example.com"];
    const audiences = { allowed: new Set([A, B, ISSUER]), default: [ISSUER] };
    const serves = new Set([A]);
    const core = await startCore([
      client("etl", { audiences, grants: new Set(["client_credentials", "token_exchange", "refresh_token"]) }),
      client("catalog", { serves }),
      client("asker", { serves, permissions: new Set(["introspect"]) }),
      client("nobody", { serves: new Set() }),
      admin,
    ]);
    const active = async (id: string, token: string) => {
      const asked = { credentials: byPost(id), caller: CALLER, token };
      const answer = await core.introspection.introspect(asked);
      const signed = claimsOf(await core.introspection.introspectSigned(asked));
      expect(signed["token_introspection"]).toEqual(answer);
      if (!answer.active) expect(answer).toEqual({ active: false });
      return answer.active;
    };
    const tokenFor = async (...audience: string[]) => (await core.login("etl", { audience })).access_token;
    const [forA, forB, forBoth] = await Promise.all([tokenFor(A), tokenFor(B), tokenFor(A, B)]);
    const user = userToken(core);
    const exchanged = await core.exchange(subject(user, "jwt"), byPost("etl"), { audience: [A] });
    const refreshToken = exchanged.refresh_token ?? "";
    const tokens = [forA, forBoth, exchanged.access_token, forB, await tokenFor(ISSUER), refreshToken];
    const seenBy = (id: string) => Promise.all(tokens.map((token) => active(id, token)));
    expect(refreshToken).not.toBe("");
    expect(await seenBy("etl")).toEqual([true, true, true, true, true, true]);
    expect(await seenBy("admin")).toEqual([true, true, true, true, true, true]);
    expect(await seenBy("catalog")).toEqual([true, true, true, false, false, false]);
    expect(await seenBy("asker")).toEqual([true, true, true, false, false, false]);
    expect(await seenBy("nobody")).toEqual([false, false, false, false, false, false]);
    expect(await active("asker", (await core.login("asker")).access_token)).toBe(true);
    expect(await active("nobody", (await core.login("nobody")).access_token)).toBe(true);
  });

  test("of a dead, unknown or another client's token is exactly active: false", async () => {
    const core = await startCore([client("etl"), client("other"), admin]);
    const token = (await core.login("etl")).access_token;
    const ask = (id: string, asked = token) =>
      core.introspection.introspect({ credentials: byPost(id), caller: CALLER, token: asked });
    expect(await ask("other")).toEqual({ active: false });
    expect(await ask("etl", "nonsense")).toEqual({ active: false });
    expect(await ask("admin")).toMatchObject({ active: true, sub: "etl" });
    core.pass(3600);
    expect(await ask("etl")).toEqual({ active: false });
  });

  test("of a token whose client was removed or disabled is active: false, even where nobody published it", async () => {
    const core = await startCore([client("etl"), admin]);
    const token = (await core.login("etl")).access_token;
    const introspect = () =>
      core.introspection
        .introspect({ credentials: byPost("admin"), caller: CALLER, token })
        .then(({ active }) => active);
    expect(await introspect()).toBe(true);
    core.registry.current = clientSet([client("etl", { disabled: true }), admin]);
    expect(await introspect()).toBe(false);
    core.registry.current = clientSet([admin]);
    expect(await introspect()).toBe(false);
  });

  test("signed is a JWT for the caller, whose claims stand apart (RFC 9701 section 5)", async () => {
    const core = await startCore([client("etl")]);
    const token = (await core.login("etl")).access_token;
    const signed = await core.introspection.introspectSigned({ credentials: byPost("etl"), caller: CALLER, token });
    const header: unknown = JSON.parse(Buffer.from(signed.split(".")[0] ?? "", "base64url").toString());
    expect(header).toMatchObject({ typ: "token-introspection+jwt" });
    expect(claimsOf(signed)).toEqual({
      iss: ISSUER,
      aud: "etl",
      iat: expect.any(Number),
      token_introspection: expect.objectContaining({ active: true, sub: "etl" }),
    });
    expect(await refusal(core.exchange(subject(signed), byBearer(signed)))).toMatchObject({ code: "invalid_client" });
  });
});
