import { describe, expect, test } from "vitest";
import { clientSet } from "../../src/clients/client-registry.js";
import { byBearer, byPost, claimsOf, client, refusal, startCore, subject, CALLER, userToken } from "../support/core.js";

const chain = ["a", "b", "c", "d", "e", "f"].map((id, i, ids) => client(id, { mayActFor: new Set(ids.slice(0, i)) }));

describe("delegation", () => {
  test("gives a client the subject of another client's token, with itself as actor", async () => {
    const core = await startCore(chain);
    const original = (await core.login("a")).access_token;
    const answer = claimsOf((await core.exchange(subject(original), byPost("b"))).access_token);
    expect(answer).toMatchObject({ sub: "a", client_id: "b", act: { sub: "b" }, psid: [claimsOf(original)["sid"]] });
    expect(answer["sid"]).not.toBe(claimsOf(original)["sid"]);
  });

  test("nests former actors, the present one outermost, and lists every session it grew from", async () => {
    const core = await startCore(chain);
    const one = (await core.login("a")).access_token;
    const two = (await core.exchange(subject(one), byPost("b"))).access_token;
    const own = (await core.login("c")).access_token;
    const three = claimsOf((await core.exchange(subject(two), byBearer(own))).access_token);
    expect(three["act"]).toEqual({ sub: "c", act: { sub: "b" } });
    expect(new Set(three["psid"] as string[])).toEqual(new Set([one, two, own].map((token) => claimsOf(token)["sid"])));
  });

  test("hands on what the user's token said of the user, and not the static claims of the client before", async () => {
    const core = await startCore([
      client("a", { claims: { own: "a" }, userClaims: { team: "etl", email: "team@example.com" } }),
      client("b", { mayActFor: new Set(["a"]), claims: { own: "b" }, userClaims: { area: "b" } }),
    ]);
    const user = userToken(core, { email: "ada@example.com", groups: ["g"] });
    const token = (await core.exchange(subject(user, "jwt"), byPost("a"))).access_token;
    expect(claimsOf(token)).toMatchObject({ team: "etl", email: "team@example.com", groups: ["g"] });
    const delegated = claimsOf((await core.exchange(subject(token), byPost("b"))).access_token);
    expect(delegated).toMatchObject({ area: "b", groups: ["g"] });
    expect(delegated).not.toHaveProperty("team");
    expect(delegated).not.toHaveProperty("email");
    expect(delegated).not.toHaveProperty("own");
    expect(delegated["copied_claims"]).toEqual(["groups"]);
  });

  test("hands on a claim within a claim, and nothing that stood beside it", async () => {
    const core = await startCore([client("a"), client("b", { mayActFor: new Set(["a"]) })]);
    const user = userToken(core, { realm_access: { roles: ["reader"], other: 1 } });
    const token = (await core.exchange(subject(user, "jwt"), byPost("a"))).access_token;
    const delegated = (await core.exchange(subject(token), byPost("b"))).access_token;
    const fresh = (await core.exchange(subject(token), byBearer(token))).access_token;
    for (const each of [token, delegated, fresh]) {
      expect(claimsOf(each)["realm_access"]).toEqual({ roles: ["reader"] });
    }
  });

  test("of a client's own token has the user claims of the client that acts, and none of the other's", async () => {
    const core = await startCore([
      client("a", { claims: { principal_name: "a", email: "a@example.com" }, userClaims: { for_users: "a" } }),
      client("b", { mayActFor: new Set(["a"]), claims: { principal_name: "b" }, userClaims: { area: "b" } }),
    ]);
    const own = (await core.login("a")).access_token;
    expect(claimsOf(own)).toMatchObject({ principal_name: "a" });
    expect(claimsOf(own)).not.toHaveProperty("for_users");
    const delegated = claimsOf((await core.exchange(subject(own), byPost("b"))).access_token);
    expect(delegated).toMatchObject({ sub: "a", act: { sub: "b" }, area: "b" });
    for (const name of ["principal_name", "email", "for_users", "copied_claims"]) {
      expect(delegated).not.toHaveProperty(name);
    }
  });

  test("ends at a depth of four", async () => {
    const core = await startCore(chain);
    let token = (await core.login("a")).access_token;
    for (const id of ["b", "c", "d", "e"]) token = (await core.exchange(subject(token), byPost(id))).access_token;
    expect(await refusal(core.exchange(subject(token), byPost("f")))).toMatchObject({ reason: "DELEGATION_TOO_DEEP" });
  });

  test("needs the token's client in may_act_for", async () => {
    const core = await startCore(chain);
    const token = (await core.login("b")).access_token;
    expect(await refusal(core.exchange(subject(token), byPost("a")))).toMatchObject({
      code: "invalid_request",
      reason: "SUBJECT_NOT_ALLOWED",
    });
  });

  test("takes no token of a client that was removed or disabled", async () => {
    const [a = client("a"), b = client("b")] = chain;
    const core = await startCore([a, b]);
    const token = (await core.login("a")).access_token;
    for (const rest of [[client("a", { disabled: true })], []]) {
      core.registry.current = clientSet([...rest, b]);
      expect(await refusal(core.exchange(subject(token), byPost("b")))).toMatchObject({
        reason: "SUBJECT_NOT_ALLOWED",
      });
    }
  });

  test("takes a live subject only", async () => {
    const core = await startCore(chain);
    const token = (await core.login("a")).access_token;
    core.pass(3600);
    expect(await refusal(core.exchange(subject(token), byPost("b")))).toMatchObject({
      reason: "SUBJECT_TOKEN_INVALID",
    });
  });

  test("ends no later than the subject's session", async () => {
    const core = await startCore(chain);
    const one = (await core.login("a")).access_token;
    core.pass(1800);
    const two = claimsOf((await core.exchange(subject(one), byPost("b"))).access_token);
    expect(two["session_exp"]).toBe(claimsOf(one)["session_exp"]);
  });

  test("dies with an ancestor's session, and with a not-before of any client in it", async () => {
    const core = await startCore([...chain, client("admin", { permissions: new Set(["revoke", "introspect"]) })]);
    const admin = { credentials: byPost("admin"), caller: CALLER };
    const active = async (token: string) => (await core.introspection.introspect({ ...admin, token })).active;
    const one = (await core.login("a")).access_token;
    const two = (await core.exchange(subject(one), byPost("b"))).access_token;
    await core.revocation.revoke({ ...admin, target: { kind: "token", token: one } });
    expect(await active(two)).toBe(false);
    const three = (await core.exchange(subject((await core.login("a")).access_token), byPost("c"))).access_token;
    expect(await active(three)).toBe(true);
    await core.revocation.revoke({ ...admin, target: { kind: "client", clientId: "c" } });
    expect(await active(three)).toBe(false);
  });

  test("never widens scope: subject, actor and client must all allow it", async () => {
    const narrow = client("b", {
      mayActFor: new Set(["a"]),
      scopes: { allowed: new Set(["catalog", "x"]), default: ["x"] },
    });
    const core = await startCore([client("a"), narrow]);
    const one = (await core.login("a", { scope: "catalog PRINCIPAL_ROLE:ALL" })).access_token;
    expect((await core.exchange(subject(one), byPost("b"))).scope).toBe("catalog");
    for (const scope of ["x", "PRINCIPAL_ROLE:ALL"]) {
      expect(await refusal(core.exchange(subject(one), byPost("b"), { scope }))).toMatchObject({
        code: "invalid_scope",
      });
    }
  });
});
