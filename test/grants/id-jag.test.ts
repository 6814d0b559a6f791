import { describe, expect, test } from "vitest";
import { clientSet } from "../../src/clients/client-registry.js";
import type { Client } from "../../src/clients/client.js";
import type { TrustedIssuer } from "../../src/issuers/trusted-issuer.js";
import { stateUnavailable } from "../../src/oauth/error.js";
import type { JsonObject } from "../../src/oauth/json.js";
import type { Credentials, TokenRequest } from "../../src/oauth/request.js";
import {
  CALLER,
  IDP,
  ISSUER,
  TRUSTED_IDP,
  type TestCore,
  byBasic,
  byBearer,
  byPost,
  claimsOf,
  client,
  idpToken,
  refusal,
  startCore,
  subject,
  userToken,
  nowOf,
} from "../support/core.js";
import { workloadRule } from "../support/workload-rule.js";
import { SECOND } from "../../src/time/clock.js";

const TYPE = "oauth-id-jag+jwt";
const MCP = "https://mcp.example.com/mcp";
const CLUSTER = "https://cluster.example.com";
const grants: Client["grants"] = new Set(["client_credentials", "token_exchange", "refresh_token", "jwt_bearer"]);

async function start(issuer: Partial<TrustedIssuer> = {}, agent: Partial<Client> = {}): Promise<TestCore> {
  const core = await startCore([]);
  const audiences = { allowed: new Set([ISSUER, MCP]), default: [ISSUER] };
  core.registry.current = clientSet(
    [
      client("agent", { grants, audiences, accessTtlMs: 600 * SECOND, ...agent }),
      client("other", { grants }),
      client("gateway", { mayActFor: new Set(["agent"]) }),
    ],
    [workloadRule({ issuer: CLUSTER }, { grants, actForIssuers: new Set([IDP]) })],
  );
  core.issuers.current = [
    { ...TRUSTED_IDP, use: new Set(["id_jag"]), maxAssertionAgeMs: undefined, ...issuer },
    { ...TRUSTED_IDP, issuer: CLUSTER, use: new Set(["client_assertion"]) },
  ];
  return core;
}

/** What an identity provider makes for one client and one user; a claim that is null is left out. */
function idJag(core: TestCore, changes: JsonObject = {}, header: JsonObject = {}): string {
  const now = nowOf(core);
  const claims = { iss: IDP, sub: "ada", aud: ISSUER, client_id: "agent", jti: "one", iat: now, exp: now + 300 };
  const all = Object.entries({ ...claims, ...changes }).filter(([, value]) => value !== null);
  return idpToken(Object.fromEntries(all), { typ: TYPE, ...header });
}

const grant = (
  core: TestCore,
  assertion: string,
  credentials: Credentials = byPost("agent"),
  rest: Partial<TokenRequest> = {},
) => core.ask({ type: "jwt_bearer", assertion }, credentials, rest);

const INVALID = { code: "invalid_grant", reason: "ASSERTION_INVALID" };

describe("an ID-JAG", () => {
  test("is a user's token with the client as actor, and no refresh token", async () => {
    const core = await start();
    const answer = await grant(core, idJag(core, { email: "ada@example.com", department: "x" }));
    expect(answer).toMatchObject({ token_type: "bearer", refresh_token: undefined, expires_in: 600, scope: "catalog" });
    const claims = claimsOf(answer.access_token);
    expect(claims).toMatchObject({
      sub: "idp:ada",
      client_id: "agent",
      act: { sub: "agent" },
      aud: ISSUER,
      subject_issuer: IDP,
      email: "ada@example.com",
    });
    expect(claims).not.toHaveProperty("department");
    expect(core.recorded.at(-1)).toMatchObject({
      decision: { grant: "jwt_bearer", via: "id_jag", authMethod: "client_secret_post", subject: "idp:ada" },
    });
  });

  test("gives a session that ends with the first token, by whatever it is refreshed", async () => {
    const core = await start();
    const token = (await grant(core, idJag(core))).access_token;
    expect(Number(claimsOf(token)["session_exp"]) - nowOf(core)).toBe(600);
    const refreshed = await core.exchange(subject(token), byPost("agent"));
    expect(claimsOf(refreshed.access_token)["session_exp"]).toBe(claimsOf(token)["session_exp"]);
    core.pass(500);
    expect(await refusal(core.exchange(subject(token), byBearer(token)))).toMatchObject({ reason: "SESSION_ENDING" });
    const delegated = await core.exchange(subject(token), byPost("gateway"));
    expect(delegated.expires_in).toBe(100);
    core.pass(101);
    expect(await refusal(core.exchange(subject(token), byPost("agent")))).toMatchObject({ reason: "SESSION_ENDED" });
  });

  test("may be sent again (section 4.4.3 of the draft), with white space round it", async () => {
    const core = await start();
    const assertion = idJag(core);
    for (const text of [assertion, assertion, ` ${assertion}\n`]) {
      expect(claimsOf((await grant(core, text)).access_token)["sub"]).toBe("idp:ada");
    }
  });

  test.each<[string, JsonObject]>([
    ["our issuer", { aud: ISSUER }],
    ["our issuer with a final slash", { aud: `${ISSUER}/` }],
    ["a list of our issuer alone", { aud: [ISSUER] }],
  ])("may be for %s", async (_, changes) => {
    const core = await start();
    expect(await grant(core, idJag(core, changes))).toMatchObject({ token_type: "bearer" });
  });

  test("may spell its type as a media type", async () => {
    const core = await start();
    const answer = await grant(core, idJag(core, {}, { typ: `application/${TYPE}` }));
    expect(claimsOf(answer.access_token)["sub"]).toBe("idp:ada");
  });

  test("works for a workload that authenticates by its platform's token", async () => {
    const core = await start();
    const now = nowOf(core);
    const sub = "system:serviceaccount:shop:orders";
    const platform = idpToken({ iss: CLUSTER, sub, aud: ISSUER, iat: now, exp: now + 3600 });
    const assertion = idJag(core, { client_id: "shop/orders" });
    const answer = await grant(core, assertion, { clientSecret: platform });
    expect(claimsOf(answer.access_token)).toMatchObject({ sub: "idp:ada", act: { sub: "shop/orders" } });
  });
});

describe("an ID-JAG is refused", () => {
  test.each<[string, JsonObject]>([
    ["for the token endpoint", { aud: `${ISSUER}/v1/oauth/tokens` }],
    ["for a name that begins like ours", { aud: `${ISSUER}.evil.example` }],
    ["for a path of ours", { aud: `${ISSUER}/v1` }],
    ["for two servers", { aud: [ISSUER, "https://other.example.com"] }],
    ["for our name in both spellings", { aud: [ISSUER, `${ISSUER}/`] }],
    ["for our name twice", { aud: [ISSUER, ISSUER] }],
    ["for nobody", { aud: [] }],
    ["without aud", { aud: null }],
    ["for another client", { client_id: "other" }],
    ["for the client in another case", { client_id: "Agent" }],
    ["for a list of clients", { client_id: ["agent"] }],
    ["without client_id", { client_id: null }],
    ["without jti", { jti: null }],
    ["with an empty jti", { jti: "" }],
    ["with a number as jti", { jti: 1 }],
    ["without iat", { iat: null }],
    ["without exp", { exp: null }],
    ["with exp in text", { exp: "4000000000" }],
    ["expired", { exp: 1 }],
    ["of the future", { iat: 4_000_000_000 }],
    ["without sub", { sub: null }],
    ["with a list as sub", { sub: ["ada"] }],
    ["of another issuer", { iss: "https://evil.example" }],
    ["of an issuer of workloads", { iss: CLUSTER }],
    ["of our own", { iss: ISSUER }],
    ["with scope as a list", { scope: ["catalog"] }],
    ["with an empty scope", { scope: "" }],
    ["with a scope that no request may have", { scope: 'cat"alog' }],
    ["with an empty list of resources", { resource: [] }],
    ["with resources that are no strings", { resource: [1] }],
    ["with a resource that is an object", { resource: { uri: ISSUER } }],
    ["with authorization_details, which nothing here would apply", { authorization_details: [{ type: "x" }] }],
    ["bound to a key", { cnf: { jkt: "x" } }],
    ["of a tenant, by whom sub alone is not unique", { tenant: "acme" }],
    ["with may_act of another client", { may_act: { sub: "other" } }],
    ["with an actor that has no printable name", { act: { sub: "a\u202eb" } }],
    [
      "with more actors than a token may have",
      { act: { sub: "a", act: { sub: "b", act: { sub: "c", act: { sub: "d" } } } } },
    ],
  ])("%s: invalid_grant, by one text, and charged", async (_, changes) => {
    const core = await start();
    const expected = await refusal(grant(core, "garbage", {}));
    const refused = await refusal(grant(core, idJag(core, changes)));
    expect(refused).toMatchObject({ ...INVALID, message: expected.message });
    for (let at = 0; at < 28; at++) await refusal(grant(core, idJag(core, changes)));
    expect(await refusal(grant(core, idJag(core, changes)))).toMatchObject({ code: "slow_down" });
    expect(await grant(core, idJag(core)), "a right one is never refused").toMatchObject({ token_type: "bearer" });
  });

  test.each(["JWT", "at+jwt", "id-jag+jwt", "oauth-id-jag", "oauth-id-jag+jwt2"])(
    "as a user's token of typ %s: it is no client's assertion either",
    async (typ) => {
      const core = await start({ use: new Set(["id_jag", "subject_token", "client_assertion"]) });
      expect(await refusal(grant(core, idJag(core, {}, { typ })))).toMatchObject(INVALID);
    },
  );

  test("where its issuer may name users by exchange only", async () => {
    const core = await start({ use: new Set(["subject_token", "client_assertion"]) });
    expect(await refusal(grant(core, idJag(core)))).toMatchObject(INVALID);
  });

  test("as a subject, as an actor and as a client's credentials", async () => {
    const core = await start({ use: new Set(["id_jag", "subject_token", "client_assertion"]) });
    const jwt = idJag(core);
    expect(await refusal(core.exchange(subject(jwt, "jwt"), byPost("agent")))).toMatchObject({
      reason: "SUBJECT_TOKEN_INVALID",
    });
    const user = subject(userToken(core), "jwt");
    expect(await refusal(core.exchange({ ...user, actorToken: jwt, actorTokenType: "jwt" }, {}))).toMatchObject({
      reason: "ACTOR_TOKEN_INVALID",
    });
    expect(await refusal(core.ask({ type: "client_credentials" }, { clientSecret: jwt }))).toMatchObject({
      code: "invalid_client",
    });
  });

  test.each<[string, Credentials, string]>([
    ["without credentials", {}, "CREDENTIALS_MISSING"],
    ["with a client_id alone", { clientId: "agent" }, "CREDENTIALS_MISSING"],
    ["with a Bearer", byBearer("x"), "CREDENTIALS_MISSING"],
    ["with a wrong secret", { clientId: "agent", clientSecret: "wrong" }, "CREDENTIALS_INVALID"],
  ])("%s: the client must authenticate", async (_, credentials, reason) => {
    const core = await start();
    expect(await refusal(grant(core, idJag(core), credentials))).toMatchObject({ code: "invalid_client", reason });
  });

  test("to a client whose record lacks the grant, before it is looked at", async () => {
    const core = await start({}, { grants: new Set(["client_credentials", "token_exchange"]) });
    expect(await refusal(grant(core, idJag(core)))).toMatchObject({ code: "unauthorized_client" });
  });

  test("to a client that may not act for the issuer's users", async () => {
    const core = await start({}, { actForIssuers: new Set(["https://elsewhere.example.com"]) });
    expect(await refusal(grant(core, idJag(core)))).toMatchObject(INVALID);
    expect(core.recorded.at(-1)).toMatchObject({
      error: { detail: "Client 'agent' may not act for users of this issuer. Name it in act_for_issuers." },
    });
  });

  test("to a rule's client whose rule names no issuers: it acts for nobody's users", async () => {
    const core = await start();
    core.registry.current = clientSet([], [workloadRule({ issuer: CLUSTER }, { grants })]);
    const now = nowOf(core);
    const sub = "system:serviceaccount:shop:orders";
    const clientSecret = idpToken({ iss: CLUSTER, sub, aud: ISSUER, iat: now, exp: now + 3600 });
    expect(await refusal(grant(core, idJag(core, { client_id: "shop/orders" }), { clientSecret }))).toMatchObject(
      INVALID,
    );
  });

  test("if the user would have a client's name", async () => {
    const core = await start({ subject: { claim: "sub", prefix: "shop/" } });
    expect(await refusal(grant(core, idJag(core)))).toMatchObject(INVALID);
  });
});

describe("max_assertion_age of an issuer of ID-JAGs", () => {
  test("is five minutes, with the leeway of clocks, or what the settings say", async () => {
    const core = await start();
    const now = nowOf(core);
    expect(await grant(core, idJag(core, { exp: now + 330 }))).toMatchObject({ token_type: "bearer" });
    expect(await refusal(grant(core, idJag(core, { exp: now + 331 })))).toMatchObject(INVALID);
    expect(await refusal(grant(core, idJag(core, { iat: now - 331, exp: now - 10 })))).toMatchObject(INVALID);
    const longer = await start({ maxAssertionAgeMs: 3600 * SECOND });
    expect(await grant(longer, idJag(longer, { exp: now + 3600 }))).toMatchObject({ token_type: "bearer" });
  });
});

describe("scope and resource of an ID-JAG", () => {
  const both = { allowed: new Set(["catalog", "PRINCIPAL_ROLE:ALL"]), default: ["catalog"] };

  test.each<[string, JsonObject, string, string]>([
    ["absent, the client's defaults", {}, "catalog", ISSUER],
    ["are what is granted", { scope: "PRINCIPAL_ROLE:ALL", resource: MCP }, "PRINCIPAL_ROLE:ALL", MCP],
    ["are cut to what the client may have", { scope: "catalog admin", resource: [MCP, "https://x"] }, "catalog", MCP],
  ])("%s", async (_, changes, scope, aud) => {
    const core = await start({}, { scopes: both });
    const answer = await grant(core, idJag(core, changes));
    expect(answer).toMatchObject({ scope });
    expect(claimsOf(answer.access_token)).toMatchObject({ scope, aud });
  });

  test("are ceilings: a request within them is granted, one beyond is refused", async () => {
    const core = await start({}, { scopes: both });
    const narrow = idJag(core, { scope: "catalog", resource: MCP });
    const own = byPost("agent");
    expect(await grant(core, narrow, own, { scope: "catalog", resource: [MCP] })).toMatchObject({ scope: "catalog" });
    expect(await refusal(grant(core, narrow, own, { scope: "catalog PRINCIPAL_ROLE:ALL" }))).toMatchObject({
      code: "invalid_scope",
    });
    for (const target of [{ resource: [ISSUER] }, { audience: [ISSUER] }, { audience: [MCP, ISSUER] }]) {
      expect(await refusal(grant(core, narrow, own, target))).toMatchObject({ code: "invalid_target" });
    }
  });

  test("of which the client may have nothing give nothing", async () => {
    const core = await start();
    expect(await refusal(grant(core, idJag(core, { scope: "admin" })))).toMatchObject({ code: "invalid_scope" });
    const elsewhere = idJag(core, { resource: "https://x.example" });
    expect(await refusal(grant(core, elsewhere))).toMatchObject({ code: "invalid_target" });
  });

  test("do not give a client more than its record", async () => {
    const core = await start();
    const wide = idJag(core, { scope: "catalog admin" });
    expect(await refusal(grant(core, wide, byPost("agent"), { scope: "admin" }))).toMatchObject({
      code: "invalid_scope",
    });
  });
});

describe("the actors in an ID-JAG", () => {
  test("stay inside ours, with the issuer's name", async () => {
    const core = await start();
    const act = { sub: "assistant", iss: ISSUER };
    const answer = await grant(core, idJag(core, { act, may_act: { client_id: "agent" } }));
    expect(claimsOf(answer.access_token)["act"]).toEqual({ sub: "agent", act: { sub: "assistant", iss: IDP } });
  });
});

describe("an ID-JAG of an issuer that is single_use", () => {
  test("works once, by jti, and is not used up by a request that asks for too much", async () => {
    const core = await start({ singleUse: true });
    const assertion = idJag(core);
    expect(await refusal(grant(core, assertion, byPost("agent"), { scope: "admin" }))).toMatchObject({
      code: "invalid_scope",
    });
    await grant(core, assertion);
    expect(await refusal(grant(core, assertion))).toMatchObject(INVALID);
    expect(await refusal(grant(core, idJag(core, { n: 2 })))).toMatchObject(INVALID);
    expect(await grant(core, idJag(core, { jti: "two" }))).toMatchObject({ token_type: "bearer" });
  });

  test("needs the store, and others do not", async () => {
    for (const singleUse of [true, false]) {
      const core = await start({ singleUse });
      core.storage.replays.use = () => Promise.reject(stateUnavailable());
      const outcome = grant(core, idJag(core));
      if (singleUse) expect(await refusal(outcome)).toMatchObject({ code: "temporarily_unavailable" });
      else expect(await outcome).toMatchObject({ token_type: "bearer" });
    }
  });
});

describe("the token that an ID-JAG gave", () => {
  test.each<[string, (core: TestCore) => void]>([
    ["its issuer is not trusted any more", (core) => void (core.issuers.current = [])],
    [
      "its issuer may name no users any more",
      (core) => void (core.issuers.current = [{ ...TRUSTED_IDP, use: new Set(["client_assertion"]) }]),
    ],
    [
      "its client may not act for the issuer's users any more",
      (core) => void (core.registry.current = clientSet([client("agent", { grants, actForIssuers: new Set() })])),
    ],
  ])("is not refreshed once %s", async (_, change) => {
    const core = await start();
    const token = (await grant(core, idJag(core), byBasic("agent"))).access_token;
    change(core);
    const refused = await refusal(core.exchange(subject(token), byPost("agent"), { caller: CALLER }));
    expect(refused).toMatchObject({ reason: "SUBJECT_NOT_ALLOWED" });
  });
});
