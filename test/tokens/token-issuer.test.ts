import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMemoryKeyRing } from "../../src/keys/memory-key-ring.js";
import { DAY, HOUR, MINUTE } from "../../src/time/clock.js";
import { pooledRandomId } from "../../src/crypto/random-id.js";
import type { Authorization } from "../../src/tokens/authorization.js";
import { createTokenIssuer } from "../../src/tokens/token-issuer.js";
import { createTokenVerifier } from "../../src/tokens/token-verifier.js";
import { claimsOf, client } from "../support/core.js";

const ISSUER = "https://tokens.example.com/ä";
const NOW = 1_800_000_000;

function setUp() {
  let now = NOW * 1000;
  const clock = (): number => now;
  const policy = { rotateEveryMs: DAY, publishAheadMs: 15 * MINUTE, accessTtlMs: HOUR, sessionTtlMs: DAY };
  const keys = createMemoryKeyRing({ algorithm: "ES256", policy, clock });
  const randomId = pooledRandomId();
  const issuer = createTokenIssuer({ issuer: ISSUER, keys, clock, randomId, sessionTtlMs: DAY });
  const revocations = { covers: () => false, notBefore: () => 0, latestStart: () => 0, ageMs: () => 0 };
  const verifier = createTokenVerifier({ issuer: ISSUER, keys, revocations, clock });
  const session = { id: randomId(), startedAt: NOW * 1000, endsAt: NOW * 1000 + DAY, ancestors: [], keys: [] };
  const authorization = (changes: Partial<Authorization> = {}): Authorization => ({
    client: client("etl"),
    subject: "etl",
    actor: undefined,
    scope: ["catalog"],
    audience: [ISSUER],
    session,
    copiedClaims: {},
    subjectIssuer: undefined,
    unsecuredSubject: false,
    ruleDigests: [],
    ...changes,
  });
  return { keys, issuer, verifier, authorization, pass: (ms: number) => void (now += ms) };
}

describe("the issuer of access tokens", () => {
  test("escapes the session's id: no id adds a claim", async () => {
    const { issuer, authorization } = setUp();
    for (const id of ['x","client_id":"ops', "\\", "\u0000", "é☃", '"}']) {
      const given = authorization();
      const { accessToken } = await issuer.mint({ ...given, session: { ...given.session, id } });
      expect(claimsOf(accessToken)).toMatchObject({ sid: id, client_id: "etl", sub: "etl" });
    }
  });

  test("writes no instant that is not a number", async () => {
    const { issuer, authorization } = setUp();
    const given = authorization();
    const startedAt: number = JSON.parse('"1,\\"client_id\\":\\"ops\\""');
    await expect(issuer.mint({ ...given, session: { ...given.session, startedAt } })).rejects.toThrow(TypeError);
    await expect(issuer.mint({ ...given, session: { ...given.session, endsAt: NaN } })).rejects.toThrow(TypeError);
  });

  test("writes the same claims for a client that asks again, and none of what it asked for before", async () => {
    const { issuer, keys, authorization } = setUp();
    const etl = client("etl");
    const asked: readonly Partial<Authorization>[] = [
      { scope: ["catalog"] },
      { scope: ["catalog"] },
      { scope: ["catalog", "write"] },
      { scope: ["catalog write"] },
      { scope: [] },
      { audience: ["https://a.example.com", "https://b.example.com"] },
      { subjectIssuer: "https://idp.example.com" },
      { unsecuredSubject: true },
      { ruleDigests: ["digest"] },
      { copiedClaims: { team: "a" } },
      { actor: { sub: "ops" } },
      { subject: "alice" },
      { session: { ...authorization().session, ancestors: ["former"] } },
      { session: { ...authorization().session, keys: ["other", keys.signer().kid] } },
      { client: { ...etl, claims: { team: "b" } } },
      { client: etl },
    ];
    for (const order of [asked, asked.toReversed()]) {
      for (const changes of order) {
        const wanted = authorization({ client: etl, ...changes });
        const { accessToken, id } = await issuer.mint(wanted);
        // A record that is no one's yet has nothing that was kept for it.
        const afresh = await issuer.mint({ ...wanted, client: { ...wanted.client } });
        expect(claimsOf(accessToken)).toEqual({ ...claimsOf(afresh.accessToken), jti: id });
      }
    }
  });

  test("writes what an authorization says, and the verifier reads it back, whatever the text", async () => {
    const { issuer, verifier, authorization } = setUp();
    const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(text, fc.array(text, { minLength: 1, maxLength: 3 }), text, async (subject, audience, team) => {
        const given = authorization({
          subject,
          audience,
          copiedClaims: { team },
          actor: { sub: "etl", act: { sub: team } },
        });
        const { accessToken } = await issuer.mint(given);
        const { subject: read, audience: readAudience, actor, claims } = verifier.read(accessToken)?.token ?? {};
        expect({ read, readAudience, actor, claims }).toEqual({
          read: subject,
          readAudience: audience,
          actor: given.actor,
          claims: { team },
        });
      }),
    );
  });

  test("writes the scope, audience and static claims of each authorization, signed by the key that is active", async () => {
    const { issuer, verifier, authorization, keys, pass } = setUp();
    const one = client("etl", { claims: { team: "one" } });
    const other = client("etl", { claims: { team: "other" } });
    const cases = [one, other].flatMap((record) =>
      [["catalog"], ["a"], ["a", "b"]].flatMap((scope) =>
        [[ISSUER], ["https://x"]].map((audience) => authorization({ client: record, scope, audience })),
      ),
    );
    for (const given of [...cases, ...cases.toReversed(), ...cases]) {
      const { token } = verifier.read((await issuer.mint(given)).accessToken) ?? {};
      expect(token).toMatchObject({ scope: given.scope, audience: given.audience, claims: given.client.claims });
    }
    const before = (await issuer.mint(authorization({ client: one }))).accessToken;
    await keys.rotate();
    pass(16 * MINUTE);
    const after = (await issuer.mint(authorization({ client: one }))).accessToken;
    expect(verifier.read(after)?.token.kid).not.toBe(verifier.read(before)?.token.kid);
  });

  test("ends a token with its session", async () => {
    const { issuer, authorization, pass } = setUp();
    pass(23.5 * HOUR);
    expect((await issuer.mint(authorization())).expiresIn).toBe(1800);
  });

  test("refuses to make a token that no header could carry", async () => {
    const { issuer, authorization } = setUp();
    const groups = Array.from({ length: 1000 }, (_, i) => `group-${i}`);
    await expect(issuer.mint(authorization({ copiedClaims: { groups } }))).rejects.toThrow(/8 KiB/);
  });
});
