import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/oauth/json.js";
import {
  IDP,
  ISSUER,
  byBearer,
  byPost,
  claimsOf,
  client,
  refusal,
  startCore,
  subject,
  unsecuredToken,
  CALLER,
  userToken,
} from "../support/core.js";
import { HOUR } from "../../src/time/clock.js";

describe("a user's token of a trusted issuer", () => {
  test("with the catalog token as Bearer and actor gives the user's token, with the client as actor (Iceberg)", async () => {
    const core = await startCore([client("catalog")]);
    const own = (await core.login("catalog")).access_token;
    const actor = { actorToken: own, actorTokenType: "access_token" as const };
    const user = userToken(core, { email: "ada@example.com", phone: "1" });
    const answer = await core.exchange({ ...subject(user, "id_token"), ...actor }, byBearer(own), { scope: "catalog" });
    const claims = claimsOf(answer.access_token);
    expect(claims).toMatchObject({
      sub: "idp:ada",
      act: { sub: "catalog" },
      client_id: "catalog",
      scope: "catalog",
      email: "ada@example.com",
      psid: [claimsOf(own)["sid"]],
    });
    expect(claims).not.toHaveProperty("phone");
    expect(core.recorded.at(-1)).toMatchObject({
      event: "issued",
      decision: { via: "user", subject: "idp:ada", actors: ["catalog"], authMethod: "bearer" },
    });
  });

  test("may be exchanged with the actor token alone, or with the client's credentials", async () => {
    const core = await startCore([client("catalog")]);
    const own = (await core.login("catalog")).access_token;
    const user = userToken(core);
    const byActor = { ...subject(user, "jwt"), actorToken: own, actorTokenType: "access_token" as const };
    expect(claimsOf((await core.exchange(byActor, {})).access_token)).toMatchObject({ sub: "idp:ada" });
    expect(
      claimsOf((await core.exchange(subject(user, "access_token"), byPost("catalog"))).access_token),
    ).not.toHaveProperty("psid");
  });

  test("dies with the session of the catalog token that it was exchanged under, never the reverse", async () => {
    const core = await startCore([client("catalog")]);
    const revoke = (token: string) =>
      core.revocation.revoke({ credentials: byPost("catalog"), caller: CALLER, target: { kind: "token", token } });
    const own = (await core.login("catalog")).access_token;
    const [one, two] = await Promise.all(
      ["a", "b"].map(
        async (sub) => (await core.exchange(subject(userToken(core, { sub }), "jwt"), byBearer(own))).access_token,
      ),
    );
    await revoke(one ?? "");
    expect(await core.exchange(subject(own), byBearer(own))).toMatchObject({ token_type: "bearer" });
    await revoke(own);
    expect(await refusal(core.exchange(subject(two ?? ""), byBearer(two ?? "")))).toMatchObject({
      code: "invalid_client",
    });
  });

  test("gets no more scope than the Bearer holds", async () => {
    const core = await startCore([client("catalog")]);
    const own = (await core.login("catalog", { scope: "catalog" })).access_token;
    const user = subject(userToken(core), "jwt");
    expect(await refusal(core.exchange(user, byBearer(own), { scope: "PRINCIPAL_ROLE:ALL" }))).toMatchObject({
      code: "invalid_scope",
    });
    expect((await core.exchange(user, byBearer(own))).scope).toBe("catalog");
  });

  test.each<[string, JsonObject]>([
    ["expired", { exp: 1 }],
    ["for another audience", { aud: "https://other" }],
    ["of an issuer that is not trusted", { iss: "https://evil" }],
    ["that claims to be ours", { iss: ISSUER }],
    ["without a subject", { sub: "" }],
  ])("%s is invalid_request, not invalid_grant (RFC 8693 section 2.2.2)", async (_, changes) => {
    const core = await startCore([client("catalog")]);
    expect(await refusal(core.exchange(subject(userToken(core, changes), "jwt"), byPost("catalog")))).toMatchObject({
      code: "invalid_request",
      reason: "SUBJECT_TOKEN_INVALID",
    });
  });

  test("is not looked at before the requester is authenticated", async () => {
    const core = await startCore([client("catalog")]);
    expect(await refusal(core.exchange(subject("garbage", "jwt"), {}))).toMatchObject({
      reason: "CREDENTIALS_MISSING",
    });
  });

  test("with may_act is for the named actor only, and must match in everything", async () => {
    const core = await startCore([client("catalog"), client("other")]);
    const named = (mayAct: JsonObject) => subject(userToken(core, { may_act: mayAct }), "jwt");
    expect(await core.exchange(named({ sub: "catalog" }), byPost("catalog"))).toMatchObject({ token_type: "bearer" });
    expect(await core.exchange(named({ client_id: "catalog", iss: ISSUER }), byPost("catalog"))).toMatchObject({
      token_type: "bearer",
    });
    for (const mayAct of [{ sub: "other" }, { sub: "catalog", iss: IDP }, { sub: "catalog", tenant: "x" }, {}]) {
      expect(await refusal(core.exchange(named(mayAct), byPost("catalog")))).toMatchObject({
        reason: "SUBJECT_NOT_ALLOWED",
      });
    }
  });

  test("keeps the other issuer's actors nested, marked as its", async () => {
    const core = await startCore([client("catalog")]);
    const user = userToken(core, { act: { sub: "portal" } });
    const { access_token } = await core.exchange(subject(user, "jwt"), byPost("catalog"));
    expect(claimsOf(access_token)["act"]).toEqual({ sub: "catalog", act: { sub: "portal", iss: IDP } });
  });

  test.each([
    ["ours", ISSUER],
    ["ours with a final slash", `${ISSUER}/`],
    ["another issuer's", "https://other.example.com"],
    ["empty", ""],
    ["no string", 5],
  ])("marks an actor as its issuer's even where its iss is %s", async (_, iss) => {
    const core = await startCore([client("catalog"), client("ops", { mayActFor: new Set(["catalog"]) })]);
    const user = userToken(core, { act: { sub: "ops", iss, act: { sub: "ops", iss } } });
    const { access_token } = await core.exchange(subject(user, "jwt"), byPost("catalog"));
    const act = { sub: "catalog", act: { sub: "ops", iss: IDP, act: { sub: "ops", iss: IDP } } };
    expect(claimsOf(access_token)["act"]).toEqual(act);
    expect(core.recorded.at(-1)).toMatchObject({ decision: { actors: ["catalog"] } });
    // A revocation of our client of that name does not concern the token, and all who read the token see whose actor it is.
    await core.storage.revocations.publish(
      { kind: "client", clientId: "ops", notBefore: core.clock(), expiresAt: core.clock() + HOUR },
      "t",
    );
    core.pass(3);
    const introspect = { credentials: byPost("catalog"), caller: CALLER, token: access_token };
    expect(await core.introspection.introspect(introspect)).toMatchObject({ active: true, act });
    const delegated = await core.exchange(subject(access_token), byPost("ops"));
    expect(claimsOf(delegated.access_token)["act"]).toEqual({ sub: "ops", act });
    expect(core.recorded.at(-1)).toMatchObject({ decision: { actors: ["ops", "catalog"] } });
  });

  test.each([
    ["with a character that nobody sees", "o\u200Bps"],
    ["without a name", ""],
    ["with too long a name", "x".repeat(2049)],
  ])("is refused where it names an actor %s", async (_, sub) => {
    const core = await startCore([client("catalog")]);
    const user = userToken(core, { act: { sub: "portal", act: { sub } } });
    expect(await refusal(core.exchange(subject(user, "jwt"), byPost("catalog")))).toMatchObject({
      reason: "SUBJECT_TOKEN_INVALID",
    });
  });

  test("needs the exchange grant", async () => {
    const core = await startCore([client("catalog", { grants: new Set(["client_credentials"]) })]);
    expect(await refusal(core.exchange(subject(userToken(core), "jwt"), byPost("catalog")))).toMatchObject({
      code: "unauthorized_client",
    });
  });
});

describe("the parameters of an exchange", () => {
  test.each([
    [{ subjectToken: "t" }, "PARAMETER_MISSING"],
    [{ subjectTokenType: "jwt" as const }, "PARAMETER_MISSING"],
    [{ ...subject("t", "jwt"), actorTokenType: "access_token" as const }, "PARAMETER_MISSING"],
    [{ ...subject("t", "jwt"), actorToken: "t" }, "PARAMETER_MISSING"],
    [{ ...subject("t", "saml2") }, "TOKEN_TYPE_UNSUPPORTED"],
    [{ ...subject("t", "refresh_token") }, "TOKEN_TYPE_UNSUPPORTED"],
    [{ ...subject("t", "jwt"), requestedTokenType: "id_token" as const }, "TOKEN_TYPE_UNSUPPORTED"],
    [{ ...subject("t", "jwt"), actorToken: "t", actorTokenType: "saml2" as const }, "TOKEN_TYPE_UNSUPPORTED"],
    [{ ...subject("t", "jwt"), actorToken: "t", actorTokenType: "access_token" as const }, "ACTOR_TOKEN_INVALID"],
  ])("%j is refused as %s", async (parameters, reason) => {
    const core = await startCore([client("catalog")]);
    expect(await refusal(core.exchange(parameters, byPost("catalog")))).toMatchObject({
      code: "invalid_request",
      reason,
    });
  });

  test("an actor token of another client than the one that authenticated is refused", async () => {
    const core = await startCore([client("catalog"), client("other")]);
    const other = (await core.login("other")).access_token;
    const parameters = {
      ...subject(userToken(core), "jwt"),
      actorToken: other,
      actorTokenType: "access_token" as const,
    };
    expect(await refusal(core.exchange(parameters, byPost("catalog")))).toMatchObject({
      reason: "ACTOR_TOKEN_INVALID",
    });
  });
});

describe("the name of a user", () => {
  test("is accepted from an unsecured token exactly where it is accepted from an issuer's", async () => {
    const core = await startCore([client("catalog", { unsecuredSubjects: ["*"] })]);
    const accepts = (token: string): Promise<boolean> =>
      core.exchange(subject(token, "jwt"), byPost("catalog")).then(
        () => true,
        () => false,
      );
    const characters = fc.constantFrom("\u200B", "\u202E", "\uFEFF", "\u2028", "\n", "\0", "\uD800", "é", "艾", " ");
    const names = fc.oneof(
      fc.tuple(fc.string({ maxLength: 5 }), characters, fc.string({ maxLength: 5 })).map((parts) => parts.join("")),
      fc.integer({ min: 0, max: 700 }).map((length) => "x".repeat(length)),
      fc.string({ unit: "binary", maxLength: 10 }),
    );
    await fc.assert(
      fc.asyncProperty(names, async (sub) => {
        fc.pre(sub !== "catalog" && !sub.startsWith("idp:"));
        expect(await accepts(unsecuredToken({ sub }))).toBe(await accepts(userToken(core, { sub })));
      }),
      { numRuns: 60 },
    );
  });

  test.each(["ada\u200B", "\u202Eada", "ada\uFEFF"])("is not accepted as %j", async (sub) => {
    const core = await startCore([client("catalog", { unsecuredSubjects: ["*"] })]);
    for (const token of [unsecuredToken({ sub }), userToken(core, { sub })]) {
      expect(await refusal(core.exchange(subject(token, "jwt"), byPost("catalog")))).toMatchObject({
        reason: "SUBJECT_TOKEN_INVALID",
      });
    }
  });
});

describe("an unsecured subject token (Trino, session=USER)", () => {
  const trino = client("trino", { unsecuredSubjects: ["*@example.com"] });

  test("is taken from a client whose record allows the subject, and marked in the token and the record", async () => {
    const core = await startCore([trino]);
    const own = (await core.login("trino")).access_token;
    const { access_token } = await core.exchange(
      subject(unsecuredToken({ sub: "ada@example.com" }), "jwt"),
      byBearer(own),
    );
    expect(claimsOf(access_token)).toMatchObject({
      sub: "ada@example.com",
      act: { sub: "trino" },
      unsecured_subject: true,
    });
    expect(core.recorded.at(-1)).toMatchObject({ decision: { unsecuredSubject: true } });
    const refreshed = claimsOf((await core.exchange(subject(access_token), byBearer(access_token))).access_token);
    expect(refreshed).toMatchObject({ unsecured_subject: true });
  });

  test("with times, in seconds, is taken while they allow it", async () => {
    const core = await startCore([trino]);
    const token = (issuedAt: number, expiresAt: number): string =>
      unsecuredToken({ sub: "ada@example.com", iat: issuedAt, exp: expiresAt });
    const now = Math.floor(core.clock() / 1000);
    const { access_token } = await core.exchange(subject(token(now, now + 600), "jwt"), byPost("trino"));
    expect(claimsOf(access_token)).toMatchObject({ sub: "ada@example.com" });
    expect(await refusal(core.exchange(subject(token(now - 600, now - 60), "jwt"), byPost("trino")))).toMatchObject({
      reason: "SUBJECT_TOKEN_INVALID",
    });
  });

  test.each<[string, JsonObject]>([
    ["that no pattern allows", { sub: "ada@other.com" }],
    ["that is a client's id", { sub: "svc@example.com" }],
    ["that carries an issuer's prefix", { sub: "idp:ada@example.com" }],
    ["without a name", {}],
    ["that has expired", { sub: "ada@example.com", exp: 1 }],
    ["with a line break", { sub: "a\n@example.com" }],
  ])("of a subject %s is refused", async (_, claims) => {
    const core = await startCore([trino, client("svc@example.com")]);
    expect(await refusal(core.exchange(subject(unsecuredToken(claims), "jwt"), byPost("trino")))).toMatchObject({
      code: "invalid_request",
    });
  });

  test("is refused to a client whose record does not allow any, as another type, and without a requester", async () => {
    const core = await startCore([client("plain"), trino]);
    const token = unsecuredToken({ sub: "ada@example.com" });
    expect(await refusal(core.exchange(subject(token, "jwt"), byPost("plain")))).toMatchObject({
      reason: "SUBJECT_NOT_ALLOWED",
    });
    expect(await refusal(core.exchange(subject(token, "access_token"), byPost("trino")))).toMatchObject({
      reason: "SUBJECT_TOKEN_INVALID",
    });
    expect(await refusal(core.exchange(subject(token, "jwt"), byBearer(token)))).toMatchObject({
      code: "invalid_client",
    });
    expect(await refusal(core.exchange(subject(token, "jwt"), {}))).toMatchObject({ code: "invalid_client" });
  });
});
