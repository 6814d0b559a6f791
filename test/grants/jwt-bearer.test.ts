import { describe, expect, test } from "vitest";
import { clientSet } from "../../src/clients/client-registry.js";
import type { Client } from "../../src/clients/client.js";
import type { TrustedIssuer } from "../../src/issuers/trusted-issuer.js";
import { stateUnavailable } from "../../src/oauth/error.js";
import type { JsonObject } from "../../src/oauth/json.js";
import type { Credentials } from "../../src/oauth/request.js";
import {
  CALLER,
  ISSUER,
  TRUSTED_IDP,
  type TestCore,
  byPost,
  claimsOf,
  client,
  refusal,
  startCore,
  subject,
  nowOf,
  userToken,
  workloadToken,
} from "../support/core.js";
import { workloadRule } from "../support/workload-rule.js";
import { signingKey } from "../tokens/signing-key.js";
import { SECOND } from "../../src/time/clock.js";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const grants: Client["grants"] = new Set(["client_credentials", "token_exchange", "jwt_bearer"]);
const kafkaKey = signingKey("ES256", "kafka");

async function start(issuer: Partial<TrustedIssuer> = {}, kafka: Partial<Client> = {}): Promise<TestCore> {
  const core = await startCore([]);
  const keys: Client["keys"] = { kind: "inline", jwks: { keys: [JSON.parse(JSON.stringify(kafkaKey.jwk))] } };
  core.registry.current = clientSet(
    [client("kafka", { keys, grants, ...kafka }), client("other", { grants })],
    [workloadRule({}, { grants })],
  );
  core.issuers.current = [{ ...TRUSTED_IDP, use: new Set(["client_assertion"]), ...issuer }];
  return core;
}

/** What Kafka makes: no `jti`, five minutes, `nbf` a minute ago. */
function signed(core: TestCore, changes: JsonObject = {}, id = "kafka"): string {
  const now = nowOf(core);
  return kafkaKey.sign({ iss: id, sub: id, aud: ISSUER, iat: now, nbf: now - 60, exp: now + 300, ...changes });
}

const grant = (core: TestCore, assertion: string | undefined, credentials: Credentials = {}) =>
  core.ask({ type: "jwt_bearer", assertion }, credentials);

describe("an assertion alone", () => {
  test("of a workload is a token for its derived client", async () => {
    const core = await start();
    const answer = await grant(core, workloadToken(core));
    expect(claimsOf(answer.access_token)).toMatchObject({ sub: "shop/orders", client_id: "shop/orders" });
    expect(answer).toMatchObject({ refresh_token: undefined, token_type: "bearer", scope: "catalog" });
    expect(core.recorded.at(-1)).toMatchObject({
      decision: { grant: "jwt_bearer", via: "jwt_bearer", authMethod: "federated_jwt", rule: "shop" },
    });
  });

  test("that a client signed is a token for the client, and answers a retry with the same assertion (Kafka)", async () => {
    const core = await start();
    for (const changes of [{}, { jti: "one" }]) {
      const assertion = signed(core, changes);
      for (let retry = 0; retry < 3; retry++) {
        expect(claimsOf((await grant(core, assertion)).access_token)).toMatchObject({
          sub: "kafka",
          client_id: "kafka",
        });
      }
    }
  });

  test("may have white space round it, as a file has", async () => {
    const core = await start();
    expect(await grant(core, `${workloadToken(core)}\n`)).toMatchObject({ token_type: "bearer" });
    expect(await grant(core, ` \r\n${signed(core)} `)).toMatchObject({ token_type: "bearer" });
  });

  test.each([ISSUER, `${ISSUER}/`, `${ISSUER}/v1/oauth/tokens`])("may be for %s", async (aud) => {
    const core = await start();
    expect(await grant(core, workloadToken(core, { aud }))).toMatchObject({ token_type: "bearer" });
    expect(await grant(core, signed(core, { aud }))).toMatchObject({ token_type: "bearer" });
  });

  test.each<[string, JsonObject]>([
    ["for a name that only begins like ours", { aud: `${ISSUER}.evil.example` }],
    ["for a path of ours that is no token endpoint", { aud: `${ISSUER}/v1` }],
    ["for two audiences", { aud: [ISSUER, "https://other.example.com"] }],
    ["for our name twice", { aud: [ISSUER, ISSUER] }],
    ["for nobody", { aud: [] }],
    ["expired", { exp: 1 }],
    ["without exp", { exp: null }],
    ["not valid yet", { nbf: 4_000_000_000 }],
    ["of the future", { iat: 4_000_000_000 }],
    ["of nobody that is known", { sub: "nobody" }],
    ["of another issuer", { iss: "https://evil.example" }],
    ["of our own", { iss: ISSUER }],
  ])("%s is invalid_grant, by one text, and is charged", async (_, changes) => {
    const core = await start();
    const refused = [
      await refusal(grant(core, workloadToken(core, changes))),
      await refusal(grant(core, signed(core, changes))),
    ];
    for (const error of refused) {
      expect(error).toMatchObject({ code: "invalid_grant", reason: "ASSERTION_INVALID" });
      expect(error.message).toBe(refused[0]?.message);
    }
    for (let at = 0; at < 28; at++) await refusal(grant(core, "x"));
    expect(await refusal(grant(core, "x"))).toMatchObject({ code: "slow_down" });
  });

  test.each(["garbage", "a.b.c", "e30.e30.e30", "", "eyJhbGciOiJub25lIn0.e30."])(
    "that is garbage is refused: %j",
    async (text) => {
      const core = await start();
      const expected = { code: "invalid_grant", reason: "ASSERTION_INVALID" };
      expect(await refusal(grant(core, text))).toMatchObject(expected);
    },
  );

  test("is asked for where it is missing", async () => {
    const core = await start();
    expect(await refusal(grant(core, undefined))).toMatchObject({
      code: "invalid_request",
      reason: "PARAMETER_MISSING",
    });
  });

  test("gives no scope beyond the client's record", async () => {
    const core = await start();
    for (const assertion of [signed(core, { scope: "admin" }), workloadToken(core)]) {
      const asked = core.ask({ type: "jwt_bearer", assertion }, {}, { scope: "catalog" });
      expect(claimsOf((await asked).access_token)["scope"]).toBe("catalog");
      const beyond = core.ask({ type: "jwt_bearer", assertion }, {}, { scope: "catalog admin" });
      expect(await refusal(beyond)).toMatchObject({ code: "invalid_scope" });
    }
  });

  test("of a client that lacks the grant is unauthorized_client", async () => {
    const core = await start({}, { grants: new Set(["client_credentials"]) });
    expect(await refusal(grant(core, signed(core)))).toMatchObject({ code: "unauthorized_client" });
  });

  test("by another client's key, or of a disabled client, is refused as one of an unknown client", async () => {
    const core = await start({}, { disabled: true });
    const texts = [
      signed(core),
      signed(core, {}, "other"),
      signed(core, {}, "nobody"),
      signed(core, {}, "shop/orders"),
    ];
    const errors = await Promise.all(texts.map((assertion) => refusal(grant(core, assertion))));
    for (const error of errors) {
      expect(error).toMatchObject({ code: "invalid_grant", reason: "ASSERTION_INVALID", message: errors[0]?.message });
    }
  });
});

describe("credentials beside an assertion", () => {
  test.each<[string, Credentials]>([
    ["nothing but a client_id", { clientId: "kafka" }],
    ["nothing but a client_id and a stale Bearer", { clientId: "kafka", authorization: "Bearer stale" }],
    ["a right secret", byPost("kafka")],
  ])("are of the same client: %s (Dremio)", async (_, credentials) => {
    const core = await start();
    expect(claimsOf((await grant(core, signed(core), credentials)).access_token)["sub"]).toBe("kafka");
    expect(await refusal(grant(core, signed(core, {}, "kafka"), { clientId: "other" }))).toMatchObject({
      code: "invalid_grant",
    });
  });

  test("are refused for what they are where they are wrong, or another client's", async () => {
    const core = await start();
    const wrong = { clientId: "kafka", clientSecret: "wrong" };
    expect(await refusal(grant(core, signed(core), wrong))).toMatchObject({ code: "invalid_client" });
    expect(await refusal(grant(core, signed(core), byPost("other")))).toMatchObject({ code: "invalid_grant" });
    expect(await refusal(grant(core, workloadToken(core), byPost("other")))).toMatchObject({ code: "invalid_grant" });
  });
});

describe("max_assertion_age", () => {
  test("bounds how old a platform's token is, and how long it lasts, for this grant only", async () => {
    const core = await start({ maxAssertionAgeMs: 600 * SECOND });
    const now = nowOf(core);
    expect(await grant(core, workloadToken(core, { exp: now + 600 }))).toMatchObject({ token_type: "bearer" });
    for (const times of [{ exp: now + 700 }, { iat: now - 700, exp: now + 60 }, { iat: null, exp: now + 60 }]) {
      expect(await refusal(grant(core, workloadToken(core, times)))).toMatchObject({ code: "invalid_grant" });
    }
    const long = workloadToken(core, { exp: now + 3e7 });
    expect(await core.ask({ type: "client_credentials" }, { clientSecret: long })).toMatchObject({
      token_type: "bearer",
    });
  });

  test("of an hour takes what the kubelet mounts, and refuses a token that is good for a year", async () => {
    const core = await start();
    const now = nowOf(core);
    expect(await grant(core, workloadToken(core, { exp: now + 3607 }))).toMatchObject({ token_type: "bearer" });
    expect(await refusal(grant(core, workloadToken(core, { exp: now + 31_536_000 })))).toMatchObject({
      code: "invalid_grant",
    });
  });
});

describe("an assertion that was used", () => {
  test("as client_assertion is refused as a grant, and the reverse", async () => {
    const core = await start();
    const authenticate = (assertion: string) =>
      core.ask({ type: "client_credentials" }, { clientAssertion: assertion, clientAssertionType: ASSERTION_TYPE });
    for (const changes of [{}, { jti: "one" }]) {
      const first = signed(core, { ...changes, n: 1 });
      await authenticate(first);
      expect(await refusal(grant(core, first))).toMatchObject({ code: "invalid_grant" });
    }
    const second = signed(core, { n: 2 });
    await grant(core, second);
    expect(await refusal(authenticate(second))).toMatchObject({ code: "invalid_client" });
  });

  test("works once where the client is single_use", async () => {
    const core = await start({}, { singleUse: true });
    const assertion = signed(core, { jti: "one" });
    await grant(core, assertion);
    expect(await refusal(grant(core, assertion))).toMatchObject({ code: "invalid_grant" });
  });

  test("works once, wherever it stands, where the issuer is single_use: by jti, else by what is signed", async () => {
    const core = await start({ singleUse: true });
    for (const changes of [{ n: 1 }, { jti: "one" }]) {
      const token = workloadToken(core, changes);
      await grant(core, token);
      expect(await refusal(grant(core, token))).toMatchObject({ code: "invalid_grant" });
      expect(await refusal(core.ask({ type: "client_credentials" }, { clientSecret: token }))).toMatchObject({
        code: "invalid_client",
      });
    }
    expect(await refusal(grant(core, workloadToken(core, { jti: "one", n: 3 })))).toMatchObject({
      code: "invalid_grant",
    });
  });

  test("needs the store only where it may be used once", async () => {
    for (const [issuer, kafka, code] of [
      [{}, {}, undefined],
      [{ singleUse: true }, { singleUse: true }, "temporarily_unavailable"],
    ] as const) {
      const core = await start(issuer, kafka);
      core.storage.replays.use = () => Promise.reject(stateUnavailable());
      for (const assertion of [workloadToken(core), signed(core)]) {
        const outcome = grant(core, assertion).then(
          () => undefined,
          (error: { code: string }) => error.code,
        );
        expect(await outcome).toBe(code);
      }
    }
  });
});

describe("assertion_audience", () => {
  const bothUses = {
    use: new Set(["subject_token", "client_assertion"] as const),
    audience: ["https://users", ISSUER],
  };

  test("keeps users' tokens from being assertions", async () => {
    const core = await start({ ...bothUses, assertionAudience: ["https://workloads"] });
    expect(await grant(core, workloadToken(core, { aud: "https://workloads" }))).toMatchObject({
      token_type: "bearer",
    });
    for (const aud of ["https://users", ISSUER]) {
      expect(await refusal(grant(core, workloadToken(core, { aud })))).toMatchObject({ code: "invalid_grant" });
    }
    const asUser = subject(workloadToken(core, { aud: "https://workloads", sub: "ada" }), "jwt");
    expect(await refusal(core.exchange(asUser, byPost("other")))).toMatchObject({ reason: "SUBJECT_TOKEN_INVALID" });
  });

  test("absent, audience serves both", async () => {
    const core = await start(bothUses);
    expect(await grant(core, workloadToken(core, { aud: "https://users" }))).toMatchObject({ token_type: "bearer" });
  });
});

describe("a platform's token as actor", () => {
  const USERS = "https://users.example.com";
  const actor = (token: string) => ({ actorToken: token, actorTokenType: "jwt" as const });

  async function startActing(): Promise<TestCore> {
    const core = await start();
    core.registry.current = clientSet(
      [client("other")],
      [workloadRule({}, { grants, actForIssuers: new Set([USERS]) })],
    );
    core.issuers.current = [
      { ...TRUSTED_IDP, use: new Set(["client_assertion"]) },
      { ...TRUSTED_IDP, issuer: USERS, use: new Set(["subject_token"]) },
    ];
    return core;
  }
  const user = (core: TestCore) => subject(userToken(core, { iss: USERS }), "jwt");

  test.each(["jwt", "access_token", "id_token"] as const)(
    "alone says who asks, as %s (kagent)",
    async (actorTokenType) => {
      const core = await startActing();
      const answer = await core.exchange({ ...user(core), actorToken: `${workloadToken(core)}\n`, actorTokenType }, {});
      expect(claimsOf(answer.access_token)).toMatchObject({
        sub: "idp:ada",
        client_id: "shop/orders",
        act: { sub: "shop/orders" },
      });
      expect(core.recorded.at(-1)).toMatchObject({ decision: { authMethod: "federated_jwt", rule: "shop" } });
    },
  );

  test("beside credentials or a Bearer must be of the same client", async () => {
    const core = await startActing();
    const own = (await core.ask({ type: "client_credentials" }, { clientSecret: workloadToken(core) })).access_token;
    const exchange = (credentials: Credentials) =>
      core.exchange({ ...user(core), ...actor(workloadToken(core)) }, credentials);
    expect(await exchange({ clientSecret: workloadToken(core) })).toMatchObject({ token_type: "bearer" });
    expect(await exchange({ authorization: `Bearer ${own}` })).toMatchObject({ token_type: "bearer" });
    expect(await refusal(exchange(byPost("other")))).toMatchObject({
      code: "invalid_request",
      reason: "ACTOR_TOKEN_INVALID",
    });
  });

  test.each<[string, JsonObject]>([
    ["expired", { exp: 1 }],
    ["for the API server", { aud: "https://kubernetes.default.svc" }],
    ["of the same name in another cluster", { iss: USERS }],
    ["of nobody", { sub: "nobody" }],
  ])("that is %s is invalid_request, and charged to the address", async (_, changes) => {
    const core = await startActing();
    const exchange = () => core.exchange({ ...user(core), ...actor(workloadToken(core, changes)) }, {});
    for (let at = 0; at < 30; at++) {
      expect(await refusal(exchange())).toMatchObject({ code: "invalid_request", reason: "ACTOR_TOKEN_INVALID" });
    }
    expect(await refusal(exchange())).toMatchObject({ code: "slow_down" });
  });

  test("refreshes the workload's own token, as its credentials would", async () => {
    const core = await startActing();
    const own = (await core.ask({ type: "client_credentials" }, { clientSecret: workloadToken(core) })).access_token;
    core.pass(2 * 3600);
    const refreshed = await core.exchange({ ...subject(own), ...actor(workloadToken(core)) }, {}, { caller: CALLER });
    expect(claimsOf(refreshed.access_token)).toMatchObject({ sub: "shop/orders" });
  });
});
