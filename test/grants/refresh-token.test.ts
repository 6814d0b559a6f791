import { describe, expect, test } from "vitest";
import { clientSet } from "../../src/clients/client-registry.js";
import { formatRefreshToken, parseRefreshToken } from "../../src/tokens/refresh-token.js";
import {
  type TestCore,
  byBearer,
  byPost,
  claimsOf,
  client,
  refusal,
  startCore,
  subject,
  CALLER,
  userToken,
} from "../support/core.js";

const portal = client("portal", { grants: new Set(["client_credentials", "token_exchange", "refresh_token"]) });

async function begin(core: TestCore, id = "portal") {
  const user = userToken(core, { email: "ada@example.com" });
  return core.exchange(subject(user, "id_token"), byPost(id));
}

const use = (core: TestCore, refreshToken: string | undefined, id = "portal", rest = {}) =>
  core.ask({ type: "refresh_token", refreshToken }, byPost(id), rest);

describe("a refresh token", () => {
  test("is given when an exchange begins a user's session, to clients with the grant, and to no other request", async () => {
    const core = await startCore([portal, client("plain")]);
    const begun = await begin(core);
    expect(begun.refresh_token).toMatch(/^icr_[\w-]{22}\.0\.[\w-]{43}$/);
    expect((await begin(core, "plain")).refresh_token).toBeUndefined();
    expect((await core.login("portal")).refresh_token).toBeUndefined();
    const refreshed = await core.exchange(subject(begun.access_token), byBearer(begun.access_token));
    expect(refreshed.refresh_token).toBeUndefined();
  });

  test("gives the same session, subject, actor and copied claims, and its successor", async () => {
    const core = await startCore([portal]);
    const begun = await begin(core);
    core.pass(3600);
    const answer = await use(core, begun.refresh_token);
    const [before, after] = [claimsOf(begun.access_token), claimsOf(answer.access_token)];
    for (const name of ["sub", "act", "sid", "auth_time", "session_exp", "email", "scope", "aud"])
      expect(after[name]).toEqual(before[name]);
    expect(answer.refresh_token).toMatch(/\.1\./);
    expect(core.recorded.at(-1)).toMatchObject({ decision: { via: "refresh_token", sessionId: before["sid"] } });
  });

  test("is stored with the instants of its session in seconds, as every release reads them", async () => {
    const core = await startCore([portal]);
    const claims = claimsOf((await begin(core)).access_token);
    const family = await core.storage.families.find(String(claims["sid"]));
    if (family === undefined || family === "tampered") throw new Error("no family");
    const { session } = JSON.parse(family.grant) as { session: unknown };
    expect(session).toMatchObject({ startedAt: claims["auth_time"], endsAt: claims["session_exp"] });
  });

  test("repeated within the grace window gets the same successor", async () => {
    const core = await startCore([portal]);
    const { refresh_token: first } = await begin(core);
    const answers = await Promise.all(Array.from({ length: 60 }, () => use(core, first)));
    core.pass(29);
    answers.push(await use(core, first));
    expect(new Set(answers.map(({ refresh_token }) => refresh_token)).size).toBe(1);
  });

  test("used again after the window kills the family and the session, and says no more than any other failure", async () => {
    const core = await startCore([portal]);
    const begun = await begin(core);
    const second = await use(core, begun.refresh_token);
    core.pass(31);
    const reuse = await refusal(use(core, begun.refresh_token));
    const unknown = await refusal(use(core, "icr_nonsense"));
    expect(reuse).toMatchObject({ code: "invalid_grant", reason: "REFRESH_TOKEN_INVALID", message: unknown.message });
    expect(await refusal(use(core, second.refresh_token))).toMatchObject({ code: "invalid_grant" });
    const token = second.access_token;
    expect(await refusal(core.exchange(subject(token), byBearer(token)))).toMatchObject({ code: "invalid_client" });
    expect(core.recorded).toContainEqual({ event: "refreshReused", detail: ["portal", claimsOf(token)["sid"]] });
  });

  test("of another client is refused, and the family lives on", async () => {
    const core = await startCore([portal, client("thief", { grants: new Set(["refresh_token"]) })]);
    const begun = await begin(core);
    expect(await refusal(use(core, begun.refresh_token, "thief"))).toMatchObject({ code: "invalid_grant" });
    expect(await use(core, begun.refresh_token)).toMatchObject({ token_type: "bearer" });
  });

  test("that is forged never reaches the store", async () => {
    const core = await startCore([portal]);
    const begun = await begin(core);
    core.storage.families.rotate = () => Promise.reject(new Error("the store was asked"));
    for (const forged of ["x", `${begun.refresh_token}x`, begun.refresh_token?.replace(".0.", ".1."), ""]) {
      expect((await refusal(use(core, forged === "" ? "icr_" : forged))).code).toBe("invalid_grant");
    }
    expect(await refusal(use(core, undefined))).toMatchObject({ reason: "PARAMETER_MISSING" });
  });

  test("ahead of a store that lost writes is accepted, and the event is counted", async () => {
    const core = await startCore([portal]);
    const { refresh_token: first = "" } = await begin(core);
    const macKey = core.keys.macKey();
    const { familyId } = parseRefreshToken(first, macKey) ?? { familyId: "" };
    const answer = await use(core, formatRefreshToken({ familyId, generation: 5 }, macKey));
    expect(answer.refresh_token).toBe(formatRefreshToken({ familyId, generation: 6 }, macKey));
    expect(core.recorded).toContainEqual({ event: "storeRegressed", detail: ["refresh_family"] });
  });

  test("asks for no more scope than the original; the new token keeps the original", async () => {
    const core = await startCore([portal]);
    const begun = await begin(core);
    expect(await refusal(use(core, begun.refresh_token, "portal", { scope: "PRINCIPAL_ROLE:ALL" }))).toMatchObject({
      code: "invalid_scope",
    });
  });

  test("is not used up by a request that is refused for its scope or audience", async () => {
    const core = await startCore([portal]);
    const { refresh_token: token } = await begin(core);
    for (const rest of [
      { scope: "PRINCIPAL_ROLE:ALL" },
      { scope: '"' },
      { audience: ["https://elsewhere.example.com"] },
    ]) {
      expect(await refusal(use(core, token, "portal", rest))).toMatchObject({
        code: expect.stringMatching(/^invalid_(?:scope|target)$/),
      });
      core.pass(60);
    }
    expect(await use(core, token, "portal", { scope: "catalog" })).toMatchObject({ scope: "catalog" });
  });

  test("is not used up while revocations are too old to trust a token", async () => {
    const core = await startCore([portal]);
    const { refresh_token: token } = await begin(core);
    core.view.age = 6 * 60_000;
    expect(await refusal(use(core, token))).toMatchObject({ code: "temporarily_unavailable" });
    core.pass(60);
    core.view.age = 0;
    expect(await use(core, token)).toMatchObject({ token_type: "bearer" });
  });

  test("is introspected as inactive once its session was revoked by another of its tokens", async () => {
    const core = await startCore([portal]);
    const { access_token: access, refresh_token: token = "" } = await begin(core);
    const ask = () => core.introspection.introspect({ credentials: byPost("portal"), caller: CALLER, token });
    expect(await ask()).toMatchObject({ active: true });
    await core.revocation.revoke({
      credentials: byPost("portal"),
      caller: CALLER,
      target: { kind: "token", token: access },
    });
    expect(await ask()).toEqual({ active: false });
  });

  test("dies with its session: revoked, ended, idle, or the client's grant taken away", async () => {
    const core = await startCore([portal]);
    const revoked = await begin(core);
    const { access_token: token } = revoked;
    await core.revocation.revoke({ credentials: byPost("portal"), caller: CALLER, target: { kind: "token", token } });
    expect(await refusal(use(core, revoked.refresh_token))).toMatchObject({ code: "invalid_grant" });
    const idle = await begin(core);
    core.pass(2 * 3600 + 1);
    expect(await refusal(use(core, idle.refresh_token))).toMatchObject({ code: "invalid_grant" });
    const taken = await begin(core);
    core.registry.current = clientSet([client("portal")]);
    expect(await refusal(use(core, taken.refresh_token))).toMatchObject({ code: "unauthorized_client" });
  });

  test("never outlives the session", async () => {
    const core = await startCore([portal]);
    let answer = await begin(core);
    const end = Number(claimsOf(answer.access_token)["session_exp"]);
    for (;;) {
      core.pass(3600);
      if (core.clock() / 1000 >= end) break;
      answer = await use(core, answer.refresh_token);
      expect(Number(claimsOf(answer.access_token)["exp"])).toBeLessThanOrEqual(end);
    }
    expect(await refusal(use(core, answer.refresh_token))).toMatchObject({ code: "invalid_grant" });
  });

  test("revoked ends its family and the session's access tokens", async () => {
    const core = await startCore([portal]);
    const begun = await begin(core);
    const target = { kind: "token" as const, token: begun.refresh_token ?? "" };
    await core.revocation.revoke({ credentials: byPost("portal"), caller: CALLER, target });
    expect(await refusal(use(core, begun.refresh_token))).toMatchObject({ code: "invalid_grant" });
    const token = begun.access_token;
    expect(await refusal(core.exchange(subject(token), byBearer(token)))).toMatchObject({ code: "invalid_client" });
  });

  test("is left out, rather than the exchange refused, while the store is away", async () => {
    const core = await startCore([portal]);
    const { stateUnavailable } = await import("../../src/oauth/error.js");
    core.storage.families.create = () => Promise.reject(stateUnavailable());
    expect((await begin(core)).refresh_token).toBeUndefined();
  });
});
