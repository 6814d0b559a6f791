/** What a thief gets by each credential: no more than its owner has, and no longer than the page of threats says. */
import { describe, expect, test } from "vitest";
import type { Client } from "../../src/clients/client.js";
import { clientSet } from "../../src/clients/client-registry.js";
import {
  byBearer,
  byPost,
  CALLER,
  claimsOf,
  client,
  refusal,
  startCore,
  subject,
  type TestCore,
  userToken,
} from "../support/core.js";

const HOUR_SECONDS = 3600;
const owner = client("owner", {
  grants: new Set(["client_credentials", "token_exchange", "refresh_token"]),
  permissions: new Set(["revoke", "rotate_keys"]),
});
const operator = client("operator", { permissions: new Set(["revoke"]) });
const withoutSecret: Client = { ...owner, secrets: [] };

const ownToken = async (core: TestCore): Promise<string> => (await core.login("owner")).access_token;
const refreshed = (core: TestCore, token: string) => core.exchange(subject(token), byBearer(token));

function usersSession(core: TestCore) {
  const token = userToken(core);
  return core.exchange(subject(token, "jwt"), byPost("owner"));
}

function revokeOwner(core: TestCore, credentials = byPost("operator")): Promise<unknown> {
  return core.revocation.revoke({ credentials, caller: CALLER, target: { kind: "client", clientId: "owner" } });
}

describe("a stolen secret", () => {
  test("gets nothing once it is out of the settings; what it began goes on until its client is revoked", async () => {
    const core = await startCore([owner, operator]);
    const token = await ownToken(core);
    const { refresh_token: refreshToken } = await usersSession(core);
    core.registry.current = clientSet([withoutSecret, operator]);
    expect(await refusal(core.login("owner"))).toMatchObject({ code: "invalid_client" });
    expect(await refusal(core.ask({ type: "refresh_token", refreshToken }, byPost("owner")))).toMatchObject({
      code: "invalid_client",
    });
    const again = (await refreshed(core, token)).access_token;
    await revokeOwner(core);
    for (const dead of [token, again]) {
      expect(await refusal(refreshed(core, dead))).toMatchObject({ code: "invalid_client" });
    }
  });

  // SECURITY.md: "A revocation ends the session everywhere".
  test("out of the settings leaves nothing alive at the end of the session that it began, revoked or not", async () => {
    const core = await startCore([owner, operator]);
    const begun = core.clock() / 1000;
    let token = await ownToken(core);
    core.registry.current = clientSet([withoutSecret, operator]);
    let refreshes = 0;
    for (;;) {
      core.pass(0.7 * HOUR_SECONDS);
      const answer = await refreshed(core, token).catch(() => undefined);
      if (answer === undefined) break;
      token = answer.access_token;
      refreshes += 1;
    }
    expect(refreshes).toBeGreaterThan(20);
    expect(Number(claimsOf(token)["exp"])).toBeLessThanOrEqual(begun + 24 * HOUR_SECONDS);
  });
});

describe("a stolen access token", () => {
  test("refreshes itself with the scope, the audience and the session that it has, and opens no other", async () => {
    const core = await startCore([owner]);
    const token = await ownToken(core);
    const { sid, scope, aud, session_exp: end } = claimsOf(token);
    expect(claimsOf((await refreshed(core, token)).access_token)).toMatchObject({ sid, scope, aud, session_exp: end });
    const wider = core.exchange(subject(token), byBearer(token), { scope: "catalog more" });
    expect(await refusal(wider)).toMatchObject({ code: "invalid_scope" });
    const begin = core.ask({ type: "client_credentials" }, byBearer(token));
    expect(await refusal(begin)).toMatchObject({ code: "invalid_client" });
  });

  test("of a client with every permission changes no key and revokes no client", async () => {
    const core = await startCore([owner]);
    const token = await ownToken(core);
    expect(await refusal(revokeOwner(core, byBearer(token)))).toMatchObject({ code: "unauthorized_client" });
    const change = core.operators.run("rotate_keys", { credentials: byBearer(token), caller: CALLER }, () => {});
    expect(await refusal(change)).toMatchObject({ code: "unauthorized_client" });
    const byOwner = core.operators.run("rotate_keys", { credentials: byPost("owner"), caller: CALLER }, () => "done");
    await expect(byOwner).resolves.toBe("done");
  });

  test("ends with its session, whichever of the session's tokens its owner revokes", async () => {
    const core = await startCore([owner]);
    const token = await ownToken(core);
    const thiefs = (await refreshed(core, token)).access_token;
    const target = { kind: "token", token } as const;
    await core.revocation.revoke({ credentials: byPost("owner"), caller: CALLER, target });
    expect(await refusal(refreshed(core, thiefs))).toMatchObject({ code: "invalid_client" });
  });
});

describe("a stolen refresh token", () => {
  test("is nothing without its client's credentials", async () => {
    const core = await startCore([owner, operator]);
    const { refresh_token: refreshToken, access_token: accessToken } = await usersSession(core);
    for (const credentials of [{}, byBearer(accessToken), { clientId: "owner" }, byPost("operator")]) {
      const { code } = await refusal(core.ask({ type: "refresh_token", refreshToken }, credentials));
      expect(["invalid_client", "unauthorized_client", "invalid_grant"]).toContain(code);
    }
    expect(await core.ask({ type: "refresh_token", refreshToken }, byPost("owner"))).toHaveProperty("access_token");
  });
});
