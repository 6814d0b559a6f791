import { describe, expect, test } from "vitest";
import type { Client } from "../../src/clients/client.js";
import { clientSet } from "../../src/clients/client-registry.js";
import type { WorkloadRule } from "../../src/clients/workload-rule.js";
import type { JsonObject } from "../../src/oauth/json.js";
import type { Credentials } from "../../src/oauth/request.js";
import {
  CALLER,
  IDP,
  TRUSTED_IDP,
  type TestCore,
  byBearer,
  byPost,
  claimsOf,
  client,
  refusal,
  startCore,
  subject,
  unsecuredToken,
  ORDERS,
  userToken,
  workloadToken,
} from "../support/core.js";
import { workloadRule } from "../support/workload-rule.js";
import { MINUTE } from "../../src/time/clock.js";

const USERS = "https://users.example.com";

async function start(rules: readonly WorkloadRule[], clients: readonly Client[] = []): Promise<TestCore> {
  const core = await startCore([]);
  core.registry.current = clientSet(clients, rules);
  core.issuers.current = [
    { ...TRUSTED_IDP, use: new Set(["client_assertion"]) },
    { ...TRUSTED_IDP, issuer: USERS, use: new Set(["subject_token"]) },
  ];
  return core;
}

/** A platform's token in the secret's place. */
function platform(core: TestCore, changes: JsonObject = {}): Credentials {
  return { clientSecret: workloadToken(core, changes) };
}

function user(core: TestCore, changes: JsonObject = {}): string {
  return userToken(core, { iss: USERS, ...changes });
}

const login = async (core: TestCore, credentials = platform(core)): Promise<string> =>
  (await core.ask({ type: "client_credentials" }, credentials)).access_token;

describe("a workload that a rule matches", () => {
  test("gets a token as the client that the rule derives, and the audit says by which rule", async () => {
    const core = await start([workloadRule({}, { accessTtlMs: 15 * MINUTE })]);
    const claims = claimsOf(await login(core));
    expect(claims).toMatchObject({ sub: "shop/orders", client_id: "shop/orders", scope: "catalog" });
    expect(Number(claims["exp"]) - Number(claims["iat"])).toBe(900);
    expect(core.recorded.at(-1)).toMatchObject({
      event: "issued",
      decision: { clientId: "shop/orders", rule: "shop", authMethod: "federated_jwt" },
    });
  });

  test("is refused by the one answer where it does not match, and the log says why", async () => {
    const core = await start([workloadRule({ claims: { verified: true } })]);
    expect(await refusal(login(core))).toMatchObject({ code: "invalid_client", reason: "CREDENTIALS_INVALID" });
    expect(await refusal(login(core, platform(core, { verified: "true" })))).toMatchObject({ code: "invalid_client" });
    expect(claimsOf(await login(core, platform(core, { verified: true })))["sub"]).toBe("shop/orders");
  });

  test("is refused where the rule is disabled, or two rules match", async () => {
    const core = await start([workloadRule({}, { disabled: true })]);
    expect(await refusal(login(core))).toMatchObject({ code: "invalid_client" });
    const other = workloadRule({ name: "b", prefix: "b/", subject: "system:serviceaccount:*:orders" });
    core.registry.current = clientSet([], [workloadRule(), other]);
    expect(await refusal(login(core))).toMatchObject({ detail: expect.stringContaining("shop, b") });
  });

  test("agrees with a client_id beside its token, or is refused", async () => {
    const core = await start([workloadRule()]);
    expect(claimsOf(await login(core, { ...platform(core), clientId: "shop/orders" }))["sub"]).toBe("shop/orders");
    expect(await refusal(login(core, { ...platform(core), clientId: "shop/pay" }))).toMatchObject({
      reason: "CREDENTIALS_AMBIGUOUS",
    });
  });

  test("cannot use a secret, nor anybody else its id", async () => {
    const core = await start([workloadRule()]);
    expect(await refusal(login(core, { clientId: "shop/orders", clientSecret: "x".repeat(40) }))).toMatchObject({
      code: "invalid_client",
    });
  });

  test("refreshes by its own token, without the platform's (Iceberg)", async () => {
    const core = await start([workloadRule()]);
    const token = await login(core);
    core.pass(3000);
    const refreshed = (await core.exchange(subject(token), byBearer(token))).access_token;
    expect(claimsOf(refreshed)).toMatchObject({ sub: "shop/orders", sid: claimsOf(token)["sid"] });
    expect(claimsOf(refreshed)["workload_rules"]).toEqual(claimsOf(token)["workload_rules"]);
  });

  test("that keeps the token it read at its start goes on by exchange until session_ttl, and no longer", async () => {
    const core = await start([workloadRule()]);
    const fixed = platform(core);
    let token = await login(core, fixed);
    for (let passed = 0; passed < 22; passed++) {
      core.pass(3500);
      token = (await core.exchange(subject(token), byBearer(token))).access_token;
    }
    core.pass(3 * 3600);
    expect(await refusal(core.exchange(subject(token), byBearer(token)))).toMatchObject({ code: "invalid_client" });
    expect(await refusal(core.exchange(subject(token), fixed))).toMatchObject({ code: "invalid_client" });
    expect(await core.exchange(subject(token), platform(core))).toMatchObject({ token_type: "bearer" });
  });

  test("is revoked, introspected and delegated as a client of its own", async () => {
    const gateway = client("gateway", {
      mayActFor: new Set(["shop/orders"]),
      permissions: new Set(["introspect", "revoke"]),
    });
    const core = await start([workloadRule()], [gateway]);
    const [orders, pay] = [
      await login(core),
      await login(core, platform(core, { sub: "system:serviceaccount:shop:pay" })),
    ];
    const act = claimsOf((await core.exchange(subject(orders), byPost("gateway"))).access_token);
    expect(act).toMatchObject({ sub: "shop/orders", client_id: "gateway", act: { sub: "gateway" } });
    expect(await refusal(core.exchange(subject(pay), byPost("gateway")))).toMatchObject({
      reason: "SUBJECT_NOT_ALLOWED",
    });
    const target = { kind: "client", clientId: "shop/orders" } as const;
    await core.revocation.revoke({ credentials: byPost("gateway"), caller: CALLER, target });
    const active = async (token: string) =>
      (await core.introspection.introspect({ credentials: byPost("gateway"), caller: CALLER, token })).active;
    expect([await active(orders), await active(pay)]).toEqual([false, true]);
  });
});

describe("revoking a rule by name", () => {
  const ops = client("ops", { permissions: new Set(["revoke", "introspect"]) });
  const target = { kind: "workload", rule: "shop" } as const;

  test("ends what its clients began, in which they act too, and nobody else's; they may begin again", async () => {
    const acting = workloadRule({}, { actForIssuers: new Set([USERS]) });
    const core = await start([acting, workloadRule({ name: "web", subject: "a:*", prefix: "web/" })], [ops]);
    const own = await login(core);
    const acted = (await core.exchange(subject(user(core), "jwt"), platform(core))).access_token;
    const web = await login(core, platform(core, { sub: "a:b" }));
    await core.revocation.revoke({ credentials: byPost("ops"), caller: CALLER, target });
    const after = await login(core);
    const active = async (token: string) =>
      (await core.introspection.introspect({ credentials: byPost("ops"), caller: CALLER, token })).active;
    expect(await Promise.all([own, acted, web, after].map(active))).toEqual([false, false, true, true]);
  });

  test("needs permission revoke, credentials and a rule that is there", async () => {
    const core = await start([workloadRule()], [ops, client("other")]);
    const revoke = (credentials: Credentials, rule = "shop") =>
      core.revocation.revoke({ credentials, caller: CALLER, target: { kind: "workload", rule } });
    expect(await refusal(revoke(byPost("other")))).toMatchObject({ reason: "PERMISSION_MISSING" });
    const bearer = byBearer((await core.login("ops")).access_token);
    expect(await refusal(revoke(bearer))).toMatchObject({ reason: "PERMISSION_MISSING" });
    expect(await refusal(revoke(byPost("ops"), "shop/"))).toMatchObject({ reason: "PARAMETER_INVALID" });
  });
});

describe("a rule that has changed", () => {
  const narrowed: readonly [string, readonly WorkloadRule[], readonly Client[]][] = [
    ["excepts the workload", [workloadRule({ except: [ORDERS] })], []],
    ["has another condition", [workloadRule({ claims: { owner: "1" } })], []],
    ["has another pattern", [workloadRule({ subject: "system:serviceaccount:web:*" })], []],
    ["has another issuer", [workloadRule({ issuer: "https://other" })], []],
    ["is disabled", [workloadRule({}, { disabled: true })], []],
    ["is gone", [], []],
    [
      "gave way to a registered client of the workload",
      [workloadRule()],
      [client("orders", { federated: [{ issuer: IDP, subject: ORDERS }] })],
    ],
    ["gave way to a registered client of the id", [], [client("shop/orders")]],
  ];

  test.each(narrowed)("and %s refreshes no token that began before", async (_, rules, clients) => {
    const core = await start([workloadRule()]);
    const token = await login(core);
    core.registry.current = clientSet(clients, rules);
    expect(await refusal(core.exchange(subject(token), byBearer(token)))).toMatchObject({ code: "invalid_client" });
    const actor = { actorToken: token, actorTokenType: "access_token" as const };
    expect(await refusal(core.exchange({ ...subject(user(core), "jwt"), ...actor }, {}))).toMatchObject({
      code: "invalid_request",
    });
  });

  test.each(narrowed)(
    "and %s refreshes no user's token, delegates none, and finds none live",
    async (_, rules, clients) => {
      const gateway = client("gateway", { mayActFor: new Set(["shop/orders"]), permissions: new Set(["introspect"]) });
      const acting = workloadRule(
        {},
        { actForIssuers: new Set([USERS]), grants: new Set(["client_credentials", "token_exchange", "refresh_token"]) },
      );
      const core = await start([acting], [gateway]);
      const answer = await core.exchange(subject(user(core), "jwt"), platform(core));
      const delegated = (await core.exchange(subject(answer.access_token), byPost("gateway"))).access_token;
      core.registry.current = clientSet([gateway, ...clients], rules);
      const ofUser = answer.access_token;
      expect(await refusal(core.exchange(subject(ofUser), byBearer(ofUser)))).toBeDefined();
      expect(await refusal(core.exchange(subject(ofUser), byPost("gateway")))).toMatchObject({
        reason: "SUBJECT_NOT_ALLOWED",
      });
      expect(await refusal(core.exchange(subject(delegated), byBearer(delegated)))).toMatchObject({
        reason: "SUBJECT_NOT_ALLOWED",
      });
      for (const token of [ofUser, delegated]) {
        const asked = { credentials: byPost("gateway"), caller: CALLER, token };
        expect(await core.introspection.introspect(asked)).toEqual({ active: false });
      }
    },
  );

  test("in what it matches lets its workload begin again with the platform's token", async () => {
    const core = await start([workloadRule()]);
    const token = await login(core);
    core.registry.current = clientSet([], [workloadRule({ claims: { owner: "1" } })]);
    const again = await core.exchange(subject(token), platform(core, { owner: "1" }));
    expect(claimsOf(again.access_token)["sid"]).not.toBe(claimsOf(token)["sid"]);
  });

  test("in its name or its record refreshes as before, with the present record", async () => {
    const core = await start([workloadRule({}, { scopes: { allowed: new Set(["a", "b"]), default: ["a", "b"] } })]);
    const token = await login(core);
    const record = { scopes: { allowed: new Set(["b"]), default: ["b"] } };
    core.registry.current = clientSet([], [workloadRule({ name: "renamed" }, record)]);
    expect((await core.exchange(subject(token), byBearer(token))).scope).toBe("b");
  });
});

describe("users", () => {
  const acting = (issuers: readonly string[], record: Partial<Client> = {}) =>
    workloadRule({}, { actForIssuers: new Set(issuers), ...record });

  test("are acted for by a workload only where its rule names their issuer", async () => {
    const core = await start([acting([USERS])]);
    const answer = await core.exchange(subject(user(core), "jwt"), platform(core));
    expect(claimsOf(answer.access_token)).toMatchObject({ sub: "idp:ada", act: { sub: "shop/orders" } });
    core.registry.current = clientSet([], [acting([])]);
    expect(await refusal(core.exchange(subject(user(core), "jwt"), platform(core)))).toMatchObject({
      code: "invalid_request",
      reason: "SUBJECT_NOT_ALLOWED",
    });
  });

  test("are no longer acted for at the next refresh once the issuer is taken away, by refresh token too", async () => {
    const grants = new Set(["client_credentials", "token_exchange", "refresh_token"] as const);
    const core = await start([acting([USERS], { grants })]);
    const answer = await core.exchange(subject(user(core), "jwt"), platform(core));
    core.registry.current = clientSet([], [acting(["https://other"], { grants })]);
    const token = answer.access_token;
    expect(await refusal(core.exchange(subject(token), byBearer(token)))).toMatchObject({
      reason: "SUBJECT_NOT_ALLOWED",
    });
    const refresh = { type: "refresh_token", refreshToken: answer.refresh_token } as const;
    expect(await refusal(core.ask(refresh, platform(core)))).toMatchObject({ code: "invalid_grant" });
  });

  test("are refreshed by refresh token while the rule matches the same, and not once it has changed", async () => {
    const grants = new Set(["client_credentials", "token_exchange", "refresh_token"] as const);
    const core = await start([acting([USERS], { grants })]);
    const first = await core.exchange(subject(user(core), "jwt"), platform(core));
    const refresh = { type: "refresh_token", refreshToken: first.refresh_token } as const;
    const second = await core.ask(refresh, platform(core));
    expect(claimsOf(second.access_token)["workload_rules"]).toEqual(claimsOf(first.access_token)["workload_rules"]);
    const changed = workloadRule({ claims: { owner: "1" } }, { actForIssuers: new Set([USERS]), grants });
    core.registry.current = clientSet([], [changed]);
    const again = { type: "refresh_token", refreshToken: second.refresh_token } as const;
    expect(await refusal(core.ask(again, platform(core, { owner: "1" })))).toMatchObject({ code: "invalid_grant" });
  });

  test("of a registered client that names issuers are those of these issuers", async () => {
    const core = await start([], [client("a", { actForIssuers: new Set(["https://other"]) }), client("b")]);
    expect(await refusal(core.exchange(subject(user(core), "jwt"), byPost("a")))).toMatchObject({
      reason: "SUBJECT_NOT_ALLOWED",
    });
    expect(await core.exchange(subject(user(core), "jwt"), byPost("b"))).toMatchObject({ token_type: "bearer" });
  });

  test("are not acted for by delegation either, where the issuer is not named", async () => {
    const rule = acting([], { mayActFor: new Set(["portal"]) });
    const core = await start([rule], [client("portal")]);
    const token = (await core.exchange(subject(user(core), "jwt"), byPost("portal"))).access_token;
    expect(await refusal(core.exchange(subject(token), platform(core)))).toMatchObject({
      reason: "SUBJECT_NOT_ALLOWED",
    });
  });

  test("with a name that begins like a rule's client ids are refused, signed or unsecured", async () => {
    const portal = client("portal", { unsecuredSubjects: ["*"] });
    const core = await start([workloadRule({ prefix: "idp:w/" })], [portal]);
    const named = user(core, { sub: "w/orders" });
    expect(await refusal(core.exchange(subject(named, "jwt"), byPost("portal")))).toMatchObject({
      reason: "SUBJECT_NOT_ALLOWED",
    });
    const unsecured = subject(unsecuredToken({ sub: "idp:w/orders" }), "jwt");
    expect(await refusal(core.exchange(unsecured, byPost("portal")))).toMatchObject({ reason: "SUBJECT_NOT_ALLOWED" });
  });
});
