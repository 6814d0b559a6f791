import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Client } from "../../src/clients/client.js";
import { FAILURE_PAUSE_MS, FETCH_WAIT_MS } from "../../src/clients/failure-pause.js";
import { stateUnavailable } from "../../src/oauth/error.js";
import { base64url, signingKey } from "../tokens/signing-key.js";
import { NOW, OWN_ISSUER } from "../tokens/trusted-issuer-fixture.js";
import { authenticatorOver, BURST, client, refusalOf, TOKEN_URL } from "./fixtures.js";

const key = signingKey();
const stranger = signingKey();
const TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWKS_URL = "https://orders.example.com/jwks";
const SLOW_URL = "https://slow.example.com/jwks";

const orders = client("orders", { keys: { kind: "inline", jwks: { keys: [jsonOf(key.jwk)] } } });
const byUri = client("by-uri", { keys: { kind: "uri", uri: JWKS_URL } });

function jsonOf(jwk: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(jwk).map(([name, value]) => [name, String(value)]));
}

/** The order of P-256. */
const ORDER = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

/** The same assertion with the other signature that is as good: (r, n - s) for (r, s). */
function withOtherSignature(assertion: string): string {
  const signed = assertion.slice(0, assertion.lastIndexOf(".") + 1);
  const signature = Buffer.from(assertion.slice(signed.length), "base64url").toString("hex");
  const s = (ORDER - BigInt(`0x${signature.slice(64)}`)).toString(16).padStart(64, "0");
  return signed + Buffer.from(signature.slice(0, 64) + s, "hex").toString("base64url");
}

let serial = 0;
/** Claims of a good assertion, but for what is given. */
function claims(different: Readonly<Record<string, unknown>> = {}, id = "orders"): Record<string, unknown> {
  return { iss: id, sub: id, aud: OWN_ISSUER, iat: NOW, exp: NOW + 300, jti: `jti-${++serial}`, ...different };
}

function presenting(clients: readonly Client[], around: Parameters<typeof authenticatorOver>[1] = {}) {
  const over = authenticatorOver(clients, around);
  const present = (clientAssertion: string, clientId?: string) =>
    over.authenticate({ clientAssertion, clientAssertionType: TYPE, clientId });
  return { ...over, present };
}

describe("an assertion that the client signed", () => {
  const { present } = presenting([orders, byUri], { jwks: { [JWKS_URL]: [key.jwk] } });

  test("tells who the client is, by its keys inline or by URL", async () => {
    expect(await present(key.sign(claims()))).toMatchObject({ client: { id: "orders" }, method: "private_key_jwt" });
    expect(await present(key.sign(claims({}, "by-uri")))).toMatchObject({ client: { id: "by-uri" } });
  });

  test.each(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"])(
    "may be signed by %s",
    async (algorithm) => {
      const signer = signingKey(algorithm);
      const keys = { kind: "inline", jwks: { keys: [jsonOf(signer.jwk)] } } as const;
      const { present: presentTo } = presenting([client("orders", { keys })]);
      await expect(presentTo(signer.sign(claims()))).resolves.toBeDefined();
    },
  );

  test.each([
    ["an agreeing client_id", {}, {}, "orders"],
    [
      "the token endpoint as audience, no typ and no iat (Nimbus, Dremio)",
      { aud: TOKEN_URL, iat: undefined },
      {},
      undefined,
    ],
    ["its audience as a list of one", { aud: [OWN_ISSUER] }, {}, undefined],
    ["typ JWT", {}, { typ: "JWT" }, undefined],
    ["typ client-authentication+jwt", {}, { typ: "client-authentication+jwt" }, undefined],
    ["typ by its full name, in any case", {}, { typ: "application/Client-Authentication+JWT" }, undefined],
    ["iat 10 s ahead", { iat: NOW + 10 }, {}, undefined],
    ["exp an hour ahead", { exp: NOW + 3600 }, {}, undefined],
    ["no kid", {}, { kid: undefined }, undefined],
    ["no jti", { jti: undefined }, {}, undefined],
  ])("is taken with %s", async (_, claim, header, clientId) => {
    await expect(present(key.sign(claims(claim), header), clientId)).resolves.toBeDefined();
  });

  test("names no other client than the client_id beside it", async () => {
    expect(await refusalOf(present(key.sign(claims()), "by-uri"))).toMatchObject({
      code: "invalid_request",
      reason: "CREDENTIALS_AMBIGUOUS",
    });
  });

  const [header = "", payload = "", signature = ""] = key.sign(claims()).split(".");

  test.each([
    ["another key under the same kid", stranger.sign(claims())],
    ["its own key in the header", stranger.sign(claims(), { jwk: stranger.jwk })],
    ["a kid that the client does not have", key.sign(claims(), { kid: "k2" })],
    ["alg none", `${base64url('{"alg":"none"}')}.${payload}.${signature}`],
    ["alg none and no signature", `${base64url('{"alg":"none"}')}.${payload}.`],
    ["alg HS256", `${base64url('{"alg":"HS256","kid":"k1"}')}.${payload}.${signature}`],
    ["other claims than were signed", `${header}.${base64url(JSON.stringify(claims()))}.${signature}`],
    ["crit", key.sign(claims(), { crit: ["b64"], b64: true })],
    ["an issuer that is not its subject", key.sign(claims({ iss: "by-uri" }))],
    ["no issuer", key.sign(claims({ iss: undefined }))],
    ["no subject", key.sign(claims({ sub: undefined }))],
    ["a client that does not exist", key.sign(claims({}, "nobody"))],
    ["a client's name that every object has", key.sign(claims({}, "__proto__"))],
    ["no audience", key.sign(claims({ aud: undefined }))],
    ["an empty audience", key.sign(claims({ aud: [] }))],
    ["another audience", key.sign(claims({ aud: "https://other.example.com" }))],
    ["an audience that begins like ours", key.sign(claims({ aud: `${OWN_ISSUER}/x` }))],
    ["two audiences", key.sign(claims({ aud: [OWN_ISSUER, TOKEN_URL] }))],
    ["no exp", key.sign(claims({ exp: undefined }))],
    ["exp passed", key.sign(claims({ exp: NOW - 31 }))],
    ["exp more than an hour ahead", key.sign(claims({ exp: NOW + 3700 }))],
    ["exp as text", key.sign(claims({ exp: String(NOW + 300) }))],
    ["iat 61 s ahead", key.sign(claims({ iat: NOW + 61 }))],
    ["iat of long ago", key.sign(claims({ iat: NOW - 3700 }))],
    ["nbf ahead", key.sign(claims({ nbf: NOW + 61 }))],
    ["an empty jti", key.sign(claims({ jti: "" }))],
    ["a jti that is a number", key.sign(claims({ jti: 5 }))],
    ["a jti of 257 characters", key.sign(claims({ jti: "j".repeat(257) }))],
    ["the typ of an access token", key.sign(claims(), { typ: "at+jwt" })],
    ["the typ of a DPoP proof", key.sign(claims(), { typ: "dpop+jwt" })],
    ["the typ of an authorization grant", key.sign(claims(), { typ: "authorization-grant+jwt" })],
  ])("is refused with %s, by the one answer", async (_, assertion) => {
    const { present: presentTo, used } = presenting([orders, byUri], { jwks: { [JWKS_URL]: [key.jwk] } });
    expect(await refusalOf(presentTo(assertion))).toMatchObject({
      code: "invalid_client",
      reason: "CREDENTIALS_INVALID",
      message: "Client authentication failed: unknown client, or wrong, expired or disabled credentials.",
    });
    expect(used.size).toBe(0);
  });

  test("is refused for a client that is disabled, or has no keys", async () => {
    const { present: presentTo } = presenting([{ ...orders, disabled: true }, client("keyless")]);
    for (const id of ["orders", "keyless"]) {
      expect(await refusalOf(presentTo(key.sign(claims({}, id))))).toMatchObject({ code: "invalid_client" });
    }
  });

  test("is refused by a client's key that is another's", async () => {
    const keys = { kind: "inline", jwks: { keys: [jsonOf(stranger.jwk)] } } as const;
    const { present: presentTo } = presenting([orders, client("other", { keys })]);
    expect(await refusalOf(presentTo(key.sign(claims({}, "other"))))).toMatchObject({ code: "invalid_client" });
  });

  test("is used once, by jti and client, until it has expired with leeway", async () => {
    const two = client("two", { keys: { kind: "inline", jwks: { keys: [jsonOf(key.jwk)] } } });
    const { present: presentTo, used } = presenting([orders, two]);
    const assertion = key.sign(claims({ jti: "once" }));
    await expect(presentTo(assertion)).resolves.toBeDefined();
    expect(await refusalOf(presentTo(assertion))).toMatchObject({ code: "invalid_client" });
    expect(await refusalOf(presentTo(key.sign(claims({ jti: "once", exp: NOW + 200 }))))).toMatchObject({
      code: "invalid_client",
    });
    await expect(presentTo(key.sign(claims({ jti: "once" }, "two")))).resolves.toBeDefined();
    expect([...used.values()]).toContain((NOW + 300 + 30) * 1000);
  });

  test("is used once without a jti, too, however its signature is spelled", async () => {
    const { present: presentTo, used } = presenting([orders]);
    const assertion = key.sign(claims({ jti: undefined }));
    await expect(presentTo(assertion)).resolves.toBeDefined();
    for (const repeat of [assertion, withOtherSignature(assertion)]) {
      expect(await refusalOf(presentTo(repeat))).toMatchObject({ code: "invalid_client" });
    }
    expect([...used.values()]).toEqual([(NOW + 300 + 30) * 1000]);
    await expect(presentTo(key.sign(claims({ jti: undefined, iat: NOW - 1 })))).resolves.toBeDefined();
  });

  test("does not spend its jti when its signature is wrong", async () => {
    const { present: presentTo } = presenting([orders]);
    await refusalOf(presentTo(stranger.sign(claims({ jti: "mine" }))));
    await expect(presentTo(key.sign(claims({ jti: "mine" })))).resolves.toBeDefined();
  });

  test.each([
    ["with a jti", {}],
    ["without one", { jti: undefined }],
  ])("%s waits for the state that remembers it: temporarily_unavailable, and no failure", async (_, claim) => {
    const { present: presentTo, limiter } = presenting([orders], { replaysAway: stateUnavailable() });
    for (let i = 0; i < 2 * BURST; i++) {
      expect(await refusalOf(presentTo(key.sign(claims(claim))))).toMatchObject({
        code: "temporarily_unavailable",
        reason: "STATE_UNAVAILABLE",
      });
    }
    expect(limiter.allows("orders", "192.0.2.1")).toBe(true);
  });

  test("of a client whose keys cannot be fetched has the one answer, and is charged, as that of nobody", async () => {
    const { present: presentTo, limiter } = presenting([byUri]);
    for (const id of ["by-uri", "nobody"]) {
      for (const assertion of [key.sign(claims({}, id)), stranger.sign(claims({}, id))]) {
        expect(await refusalOf(presentTo(assertion))).toMatchObject({
          code: "invalid_client",
          reason: "CREDENTIALS_INVALID",
          message: "Client authentication failed: unknown client, or wrong, expired or disabled credentials.",
        });
      }
    }
    await refusalOf(presentTo(key.sign(claims({}, "by-uri"))));
    expect(limiter.allows(undefined, "192.0.2.1")).toBe(false);
  });

  test("is taken as soon as the keys are there, also when they came too late for the assertion before", async () => {
    const jwks: Record<string, readonly (typeof key.jwk)[]> = {};
    const { present: presentTo, time } = presenting([byUri], { jwks });
    expect(await refusalOf(presentTo(key.sign(claims({}, "by-uri"))))).toMatchObject({ code: "invalid_client" });
    jwks[JWKS_URL] = [key.jwk];
    time.now += 1000;
    await expect(presentTo(key.sign(claims({}, "by-uri")))).resolves.toBeDefined();
  });

  describe("that fails where some client's keys are fetched", () => {
    const failing: readonly [string, string][] = [
      ["a client that does not exist", key.sign(claims({}, "nobody"))],
      ["a client with keys of its own", stranger.sign(claims())],
      ["a client whose keys are there", stranger.sign(claims({}, "by-uri"))],
      ["a kid that its URL does not have", key.sign(claims({}, "by-uri"), { kid: "k9" })],
      ["a client whose URL does not answer", key.sign(claims({}, "uri-away"))],
      ["a client whose URL never ends its answer", key.sign(claims({}, "uri-slow"))],
    ];
    const clients = [
      orders,
      byUri,
      client("uri-away", { keys: { kind: "uri", uri: "https://away.example.com/jwks" } }),
      client("uri-slow", { keys: { kind: "uri", uri: SLOW_URL } }),
    ];

    /** Waits that end when they are told to. */
    function heldWaits() {
      const held = new Map<number, PromiseWithResolvers<void>>();
      const wait = (ms: number): Promise<void> => {
        const { promise } = held.set(ms, Promise.withResolvers<void>()).get(ms) ?? Promise.withResolvers<void>();
        return promise;
      };
      return { wait, held };
    }

    test.each(failing)("is answered when the pause is over, and not before: %s", async (_, assertion) => {
      const { wait, held } = heldWaits();
      const { present: presentTo } = presenting(clients, { jwks: { [JWKS_URL]: [key.jwk] }, wait });
      let answered = false;
      const answer = refusalOf(presentTo(assertion)).finally(() => (answered = true));
      await setImmediate();
      expect([...held.keys()]).toEqual([FETCH_WAIT_MS, FAILURE_PAUSE_MS]);
      held.get(FETCH_WAIT_MS)?.resolve();
      for (let turn = 0; turn < 20; turn++) await setImmediate();
      expect(answered).toBe(false);
      held.get(FAILURE_PAUSE_MS)?.resolve();
      expect(await answer).toMatchObject({ code: "invalid_client" });
    });

    test("is not waited for by one that is right", async () => {
      const { wait } = heldWaits();
      const { present: presentTo } = presenting(clients, { jwks: { [JWKS_URL]: [key.jwk] }, wait });
      for (const id of ["orders", "by-uri"]) {
        await expect(presentTo(key.sign(claims({}, id)))).resolves.toBeDefined();
      }
    });

    test("waits in bounded number: more are answered at once, for every client", async () => {
      const { wait } = heldWaits();
      const { present: presentTo } = presenting(clients, { jwks: { [JWKS_URL]: [key.jwk] }, wait });
      const waiting = Array.from({ length: 64 }, (_, at) => presentTo(key.sign(claims({}, `nobody-${at}`))));
      for (const one of waiting) one.catch(() => {});
      await setImmediate();
      for (const [, assertion] of failing) {
        expect(await refusalOf(presentTo(assertion))).toMatchObject({
          code: expect.stringMatching(/client|slow_down/),
        });
      }
      await expect(presentTo(key.sign(claims()))).resolves.toBeDefined();
    });
  });

  test("is not held up where no client's keys are fetched", async () => {
    const { present: presentTo } = presenting([orders], { wait: () => Promise.withResolvers<void>().promise });
    expect(await refusalOf(presentTo(stranger.sign(claims())))).toMatchObject({ code: "invalid_client" });
  });

  test("that fails is charged to the client that it names", async () => {
    const { present: presentTo, limiter } = presenting([orders]);
    for (let i = 0; i < BURST; i++) await refusalOf(presentTo(stranger.sign(claims())));
    expect(await refusalOf(presentTo(stranger.sign(claims())))).toMatchObject({ code: "slow_down" });
    expect(limiter.allows("orders", "192.0.2.1")).toBe(false);
    await expect(presentTo(key.sign(claims()))).resolves.toBeDefined();
  });

  test("is no secret: in client_secret's place it is refused", async () => {
    const { authenticate } = presenting([orders]);
    expect(await refusalOf(authenticate({ clientSecret: key.sign(claims()) }))).toMatchObject({
      code: "invalid_client",
    });
  });
});
