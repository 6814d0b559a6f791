import { describe, expect, test } from "vitest";
import { announcingKeys } from "../../src/app/key-operations.js";
import type { Client } from "../../src/clients/client.js";
import {
  type TestCore,
  byBearer,
  byPost,
  claimsOf,
  client,
  refusal,
  startCore,
  subject,
  userToken,
} from "../support/core.js";

const GRANTS: Partial<Client> = { grants: new Set(["client_credentials", "token_exchange", "refresh_token"]) };
const ALL = [client("alpha", GRANTS), client("beta", { ...GRANTS, mayActFor: new Set(["alpha"]) })];
const PUBLISH_AHEAD_SECONDS = 15 * 60;

/** Another key signs from now on. Returns the one that signed before. */
async function rotate(core: TestCore): Promise<string> {
  const { kid } = core.keys.signer();
  await core.keys.rotate();
  core.pass(PUBLISH_AHEAD_SECONDS);
  expect(core.keys.signer().kid).not.toBe(kid);
  return kid;
}

async function revoke(core: TestCore, kid: string): Promise<void> {
  await announcingKeys(core.keys, core.storage.revocations).revoke(kid);
}

async function foreignUser(core: TestCore, credentials = byPost("alpha")) {
  return core.exchange(subject(userToken(core), "jwt"), credentials);
}

// SECURITY.md: "Nothing of a revoked client or key lives on".
describe("revoking a compromised key", () => {
  test("ends what was refreshed from its tokens, however many keys signed since", async () => {
    const core = await startCore(ALL);
    let token = (await foreignUser(core)).access_token;
    const stolen = await rotate(core);
    for (let keys = 0; keys < 2; keys += 1) {
      token = (await core.exchange(subject(token), byBearer(token))).access_token;
      await rotate(core);
    }
    token = (await core.exchange(subject(token), byPost("alpha"))).access_token;
    expect(claimsOf(token)["pkid"]).toHaveLength(3);
    await revoke(core, stolen);
    expect((await refusal(core.exchange(subject(token), byBearer(token)))).code).toBe("invalid_client");
    expect((await refusal(core.exchange(subject(token), byPost("alpha")))).reason).toBe("SESSION_REVOKED");
    expect((await refusal(core.exchange(subject(token), byPost("beta")))).reason).toBe("SESSION_REVOKED");
  });

  test("ends what was begun by its tokens: as subject, as Bearer, as actor, with the refresh tokens of that", async () => {
    const core = await startCore(ALL);
    const user = (await foreignUser(core)).access_token;
    const own = (await core.login("alpha")).access_token;
    const stolen = await rotate(core);
    const acting = await core.exchange(subject(user), byPost("beta"));
    const byOwn = await foreignUser(core, byBearer(own));
    await rotate(core);
    await revoke(core, stolen);
    for (const [holder, answer] of [
      ["beta", acting],
      ["alpha", byOwn],
    ] as const) {
      const { access_token: token, refresh_token: refreshToken } = answer;
      expect((await refusal(core.exchange(subject(token), byPost(holder)))).reason).toBe("SESSION_REVOKED");
      const used = core.ask({ type: "refresh_token", refreshToken }, byPost(holder));
      expect((await refusal(used)).reason).toBe("REFRESH_TOKEN_INVALID");
    }
  });

  test("ends it also where the ring says so and the log does not", async () => {
    const core = await startCore(ALL);
    const user = (await foreignUser(core)).access_token;
    const stolen = await rotate(core);
    const acting = await core.exchange(subject(user), byPost("beta"));
    await core.keys.revoke(stolen);
    const { access_token: token, refresh_token: refreshToken } = acting;
    expect((await refusal(core.exchange(subject(token), byPost("beta")))).reason).toBe("SESSION_REVOKED");
    const used = core.ask({ type: "refresh_token", refreshToken }, byPost("beta"));
    expect((await refusal(used)).reason).toBe("REFRESH_TOKEN_INVALID");
  });

  test("spares what did not grow from its tokens: refresh tokens, and later sessions", async () => {
    const core = await startCore(ALL);
    const { refresh_token: refreshToken } = await foreignUser(core);
    const own = (await core.login("alpha")).access_token;
    const stolen = await rotate(core);
    const later = (await foreignUser(core)).access_token;
    await revoke(core, stolen);
    await core.exchange(subject(later), byBearer(later));
    const refreshed = await core.ask({ type: "refresh_token", refreshToken }, byPost("alpha"));
    expect(claimsOf(refreshed.access_token)).not.toHaveProperty("pkid");
    const again = claimsOf((await core.exchange(subject(own), byPost("alpha"))).access_token);
    expect(again["sid"]).not.toBe(claimsOf(own)["sid"]);
    expect(again).not.toHaveProperty("pkid");
  });

  test("costs nothing while one key signs: a refreshed token names no other", async () => {
    const core = await startCore(ALL);
    const own = (await core.login("alpha")).access_token;
    const refreshed = (await core.exchange(subject(own), byBearer(own))).access_token;
    expect(claimsOf(refreshed)).not.toHaveProperty("pkid");
    expect(claimsOf((await core.exchange(subject(refreshed), byPost("beta"))).access_token)).not.toHaveProperty("pkid");
  });
});
