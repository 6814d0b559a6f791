import { describe, expect, test } from "vitest";
import type { Client } from "../../src/clients/client.js";
import { clientSet } from "../../src/clients/client-registry.js";
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
  userToken,
} from "../support/core.js";

const GRANTS: Partial<Client> = { grants: new Set(["client_credentials", "token_exchange", "refresh_token"]) };
const alpha = client("alpha", { ...GRANTS, unsecuredSubjects: ["*@example.com"] });
const beta = client("beta", { ...GRANTS, mayActFor: new Set(["alpha"]) });
const gamma = client("gamma", { ...GRANTS, mayActFor: new Set(["beta"]) });
const operator = client("operator", { permissions: new Set(["introspect", "revoke"]) });
const ALL = [alpha, beta, gamma, operator];

/** A user's or delegated tokens at beta or alpha: what each began with, and who holds them. */
interface Begun {
  readonly holder: string;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
}

async function exchanged(core: TestCore, holder: string, token: string, type: "jwt" | "access_token"): Promise<Begun> {
  const answer = await core.exchange(subject(token, type), byPost(holder));
  return { holder, accessToken: answer.access_token, refreshToken: answer.refresh_token };
}

const unsecuredUser = (core: TestCore) => exchanged(core, "alpha", unsecuredToken({ sub: "ann@example.com" }), "jwt");

function foreignUser(core: TestCore): Promise<Begun> {
  return exchanged(core, "alpha", userToken(core), "jwt");
}

const delegated = (core: TestCore, to: string, from: Begun) => exchanged(core, to, from.accessToken, "access_token");

/** Every way to go on with it, by name. */
function waysOn({ holder, accessToken, refreshToken }: Begun, core: TestCore) {
  const ways: [string, () => Promise<unknown>][] = [
    ["Bearer", () => core.exchange(subject(accessToken), byBearer(accessToken))],
    ["credentials", () => core.exchange(subject(accessToken), byPost(holder))],
  ];
  if (refreshToken === undefined) return ways;
  return [...ways, ["refresh token", () => core.ask({ type: "refresh_token", refreshToken }, byPost(holder))] as const];
}

async function refusedWays(begun: Begun, core: TestCore): Promise<readonly string[]> {
  const refused: string[] = [];
  for (const [name, go] of waysOn(begun, core)) {
    await go().catch(() => refused.push(name));
  }
  return refused;
}

const replaced = (...changed: Client[]) => clientSet(ALL.map((old) => changed.find(({ id }) => id === old.id) ?? old));
const withoutClient = (id: string) => clientSet(ALL.filter((one) => one.id !== id));

const EVERY_WAY = ["Bearer", "credentials", "refresh token"];

/** How settings are narrowed, and what was begun before. */
const narrowed: [string, (core: TestCore) => Promise<Begun>, (core: TestCore) => void][] = [
  [
    "unsecured_subjects is removed",
    unsecuredUser,
    (core) => (core.registry.current = replaced({ ...alpha, unsecuredSubjects: undefined })),
  ],
  [
    "unsecured_subjects no longer has the subject",
    unsecuredUser,
    (core) => (core.registry.current = replaced({ ...alpha, unsecuredSubjects: ["*@example.org"] })),
  ],
  [
    "a client takes the name of an unsecured subject",
    unsecuredUser,
    (core) => (core.registry.current = clientSet([...ALL, client("ann@example.com")])),
  ],
  [
    "an issuer takes the prefix of an unsecured subject",
    unsecuredUser,
    (core) => (core.issuers.current = [{ ...TRUSTED_IDP, subject: { claim: "sub", prefix: "ann" } }]),
  ],
  ["the user's issuer is removed", foreignUser, (core) => (core.issuers.current = [])],
  [
    "the user's issuer loses use: subject_token",
    foreignUser,
    (core) => (core.issuers.current = [{ ...TRUSTED_IDP, use: new Set(["client_assertion"]) }]),
  ],
  [
    "the user's issuer gets another prefix",
    foreignUser,
    (core) => (core.issuers.current = [{ ...TRUSTED_IDP, subject: { claim: "sub", prefix: "other:" } }]),
  ],
  [
    "another issuer takes the prefix of the user's",
    foreignUser,
    (core) => (core.issuers.current = [{ ...TRUSTED_IDP, issuer: "https://other.example.com" }]),
  ],
  [
    "the user's issuer is removed, and the token was delegated twice",
    async (core) => delegated(core, "gamma", await delegated(core, "beta", await foreignUser(core))),
    (core) => (core.issuers.current = []),
  ],
  [
    "the client that named an unsecured subject may name none any more, and the token was delegated",
    async (core) => delegated(core, "beta", await unsecuredUser(core)),
    (core) => (core.registry.current = replaced({ ...alpha, unsecuredSubjects: undefined })),
  ],
  [
    "may_act_for is removed",
    async (core) => delegated(core, "beta", await foreignUser(core)),
    (core) => (core.registry.current = replaced({ ...beta, mayActFor: new Set() })),
  ],
  [
    "may_act_for of a client inside the chain is removed",
    async (core) => delegated(core, "gamma", await delegated(core, "beta", await foreignUser(core))),
    (core) => (core.registry.current = replaced({ ...beta, mayActFor: new Set() })),
  ],
  [
    "a client inside the chain is removed while no replica runs",
    async (core) => delegated(core, "beta", await foreignUser(core)),
    (core) => (core.registry.current = withoutClient("alpha")),
  ],
];

// SECURITY.md: "Narrower settings hold at the next refresh".
describe("the present settings rule at every refresh", () => {
  test.each(narrowed)("%s: no way on is left", async (_, begin, narrow) => {
    const core = await startCore(ALL);
    const begun = await begin(core);
    expect(await refusedWays(begun, core)).toEqual([]);
    const again = await begin(core);
    narrow(core);
    expect(await refusedWays(again, core)).toEqual(EVERY_WAY);
  });

  test.each(narrowed)("%s: nobody may act for it any more", async (_, begin, narrow) => {
    const core = await startCore([...ALL, client("last", { mayActFor: new Set(["alpha", "beta", "gamma"]) })]);
    const { accessToken } = await begin(core);
    await core.exchange(subject(accessToken), byPost("last"));
    narrow(core);
    core.registry.current = clientSet([
      ...core.registry.current.byId.values(),
      client("last", { mayActFor: new Set(["alpha", "beta", "gamma"]) }),
    ]);
    const { code } = await refusal(core.exchange(subject(accessToken), byPost("last")));
    expect(code).toBe("invalid_request");
  });

  test("a client's own token that another acts for goes on while the client is there, and no longer", async () => {
    const core = await startCore(ALL);
    const own = (await core.login("alpha")).access_token;
    const begun = await exchanged(core, "beta", own, "access_token");
    expect(await refusedWays(begun, core)).toEqual([]);
    core.registry.current = withoutClient("alpha");
    expect(await refusedWays(begun, core)).toEqual(["Bearer", "credentials"]);
    const { introspection } = core;
    const asked = { credentials: byPost("operator"), caller: CALLER, token: begun.accessToken };
    expect(await introspection.introspect(asked)).toEqual({ active: false });
  });

  test("a user's token says which issuer named the user, also through refresh and delegation", async () => {
    const core = await startCore(ALL);
    const begun = await foreignUser(core);
    const refreshed = await core.exchange(subject(begun.accessToken), byBearer(begun.accessToken));
    const byRefreshToken = await core.ask({ type: "refresh_token", refreshToken: begun.refreshToken }, byPost("alpha"));
    const acting = await delegated(core, "beta", begun);
    for (const token of [begun.accessToken, refreshed.access_token, byRefreshToken.access_token, acting.accessToken]) {
      expect(claimsOf(token)["subject_issuer"]).toBe(IDP);
    }
    expect(claimsOf((await core.login("alpha")).access_token)).not.toHaveProperty("subject_issuer");
    expect(claimsOf((await unsecuredUser(core)).accessToken)).not.toHaveProperty("subject_issuer");
  });
});

// SECURITY.md: "Nothing of a revoked client or key lives on".
describe("a client's revocation", () => {
  async function revokeClient(core: TestCore, clientId: string): Promise<void> {
    const target = { kind: "client", clientId } as const;
    await core.revocation.revoke({ credentials: byPost("operator"), caller: CALLER, target });
  }

  test("ends what others do in its name: sessions whose sub it is", async () => {
    const core = await startCore(ALL);
    const own = (await core.login("alpha")).access_token;
    const begun = await exchanged(core, "beta", own, "access_token");
    await revokeClient(core, "alpha");
    expect(await refusedWays(begun, core)).toEqual(["Bearer", "credentials"]);
    const asked = { credentials: byPost("operator"), caller: CALLER, token: begun.accessToken };
    expect(await core.introspection.introspect(asked)).toEqual({ active: false });
  });

  test("spares sessions that others begin in its name later, also within the same second", async () => {
    const core = await startCore(ALL);
    await revokeClient(core, "alpha");
    const own = (await core.login("alpha")).access_token;
    const begun = await exchanged(core, "beta", own, "access_token");
    expect(await refusedWays(begun, core)).toEqual([]);
  });
});

describe("a lower session_ttl", () => {
  test("leaves no road on which a token without life is issued", async () => {
    const core = await startCore(ALL);
    const own = (await core.login("alpha")).access_token;
    const begun = await foreignUser(core);
    const acting = await delegated(core, "beta", begun);
    core.pass(60);
    core.restart(30);
    for (const token of [own, begun.accessToken]) {
      const { reason } = await refusal(core.exchange(subject(token), byPost("beta")));
      expect(reason).toBe("SESSION_ENDED");
    }
    expect(await refusedWays(begun, core)).toEqual(EVERY_WAY);
    expect(await refusedWays(acting, core)).toEqual(EVERY_WAY);
    const user = userToken(core, { sub: "eve" });
    const { reason } = await refusal(core.exchange(subject(user, "jwt"), byBearer(own)));
    expect(reason).toBe("SESSION_ENDED");
    const again = await core.exchange(subject(own), byPost("alpha"));
    expect(again.expires_in).toBe(30);
    const asked = { credentials: byPost("operator"), caller: CALLER, token: begun.accessToken };
    expect(await core.introspection.introspect(asked)).toEqual({ active: false });
  });
});
