/**
 * What the answers to failing attempts tell of the clients that exist: nothing. Whole histories of attempts are made
 * twice: once with ids that exist, and once with ids in their place that do not. The two sequences of answers are equal.
 */
import fc from "fast-check";
import { expect, test, describe } from "vitest";
import type { Client } from "../../src/clients/client.js";
import { OAuthError } from "../../src/oauth/error.js";
import type { Credentials } from "../../src/oauth/request.js";
import type { FailedLogins } from "../../src/storage/failed-logins.js";
import { signingKey } from "../tokens/signing-key.js";
import { NOW, OWN_ISSUER, trustedIssuer } from "../tokens/trusted-issuer-fixture.js";
import { authenticatorOver, basic, client, digestOf, refusalOf, scryptOf } from "./fixtures.js";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const IDP = "https://idp.example.com";
const IDP_AWAY = "https://away.example.com";
const IDP_KEYS = `${IDP}/jwks`;
const JWKS_URL = "https://by-uri.example.com/jwks";
const key = signingKey();
const stranger = signingKey();
const jwkText = Object.fromEntries(Object.entries(key.jwk).map(([name, value]) => [name, String(value)]));

/** Ids that exist, each another kind of client, and what stands in their place in the other run. */
const KINDS = [
  "digest",
  "slow",
  "slow-two",
  "off",
  "slow-off",
  "expired",
  "signs",
  "by-uri",
  "uri-away",
  "pod",
  "none",
];
const twinOf = (id: string): string => `x-${id}`;

const CLIENTS: readonly Client[] = [
  client("digest", { secrets: [digestOf("right-digest")] }),
  client("slow", { secrets: [scryptOf("right-slow")] }),
  client("slow-two", { secrets: [scryptOf("right-slow-two", 3), scryptOf("older", 5, (NOW - 1) * 1000)] }),
  client("off", { secrets: [digestOf("right-off")], disabled: true }),
  client("slow-off", { secrets: [scryptOf("right-slow-off")], disabled: true }),
  client("expired", { secrets: [digestOf("right-expired", { expiresAt: (NOW - 1) * 1000 })] }),
  client("signs", { keys: { kind: "inline", jwks: { keys: [jwkText] } } }),
  client("by-uri", { keys: { kind: "uri", uri: JWKS_URL } }),
  client("uri-away", { keys: { kind: "uri", uri: "https://away.example.com/jwks" } }),
  client("pod", { federated: [{ issuer: IDP, subject: "pod" }] }),
  client("none"),
];

/** One attempt that fails: which id it claims, how, and from where; or time that passes. */
type Step =
  | {
      readonly kind: "attempt";
      readonly id: string;
      readonly how: string;
      readonly address: string;
      readonly at: number;
    }
  | { readonly kind: "pass"; readonly ms: number };

const claims = (id: string) => ({ iss: id, sub: id, aud: OWN_ISSUER, iat: NOW, exp: NOW + 300, jti: "j" });
const workload = (iss: string, sub: string) => ({ iss, sub, aud: OWN_ISSUER, iat: NOW, exp: NOW + 300 });
const asserted = (clientAssertion: string, clientId?: string): Credentials => ({
  clientAssertion,
  clientAssertionType: ASSERTION_TYPE,
  clientId,
});

/** Signed once: the texts must be the same in both runs but for the id. */
const WAYS: Readonly<Record<string, (id: string) => Credentials>> = {
  "a wrong secret": (id) => ({ clientId: id, clientSecret: "wrong" }),
  "a wrong secret, by Basic": (id) => ({ authorization: basic(`${id}:wrong`) }),
  "a wrong secret, by encoded Basic": (id) => ({ authorization: basic(`${id.replace("-", "%2D")}:wr%20ong`) }),
  "a secret that would be right but for its client's state": (id) => ({ clientId: id, clientSecret: "right-off" }),
  "an expired secret": (id) => ({ clientId: id, clientSecret: "right-expired" }),
  "a secret alone": () => ({ clientSecret: "wrong" }),
  "a secret alone beside the id": (id) => ({ authorization: basic("wrong"), clientId: id }),
  "a stranger's assertion": (id) => asserted(stranger.sign(claims(id))),
  "a stranger's assertion under a kid that is nobody's": (id) => asserted(stranger.sign(claims(id), { kid: "k9" })),
  "garbage as assertion": (id) => asserted("garbage", id),
  "an assertion that has expired": (id) => asserted(key.sign({ ...claims(id), exp: NOW - 100 })),
  "an assertion for somebody else": (id) => asserted(key.sign({ ...claims(id), aud: "https://other" })),
  "a forged workload's token": (id) => asserted(stranger.sign(workload(IDP, id)), id),
  "a workload's token of an issuer whose keys are away": (id) => asserted(stranger.sign(workload(IDP_AWAY, id))),
  "a JWT in the secret's place": (id) => ({ clientId: id, clientSecret: stranger.sign(workload(IDP, id)) }),
};

/** Two replicas that tell each other of failures. */
function replicas() {
  const followers: ((key: string, count: number) => void)[] = [];
  const over = [0, 1].map((index) => {
    const failedLogins: FailedLogins = {
      spend: (name) => followers.forEach((tell, other) => other !== index && tell(name, 1)),
      follow: () => {},
    };
    const one = authenticatorOver(CLIENTS, {
      issuers: [
        trustedIssuer({ issuer: IDP, keys: { kind: "uri", uri: IDP_KEYS } }),
        trustedIssuer({ issuer: IDP_AWAY, keys: { kind: "uri", uri: `${IDP_AWAY}/jwks` } }),
      ],
      jwks: { [JWKS_URL]: [key.jwk], [IDP_KEYS]: [key.jwk] },
      failedLogins,
    });
    followers.push((name, count) => one.limiter.merge(name, count));
    return one;
  });
  return over;
}

function spelled(thrown: unknown): string {
  if (!(thrown instanceof OAuthError)) return String(thrown);
  const { code, reason, message, retryAfterSeconds, scheme } = thrown;
  return [code, reason, message, retryAfterSeconds, scheme].join(" | ");
}

async function answers(steps: readonly Step[], idOf: (id: string) => string): Promise<string[]> {
  const over = replicas();
  const given: string[] = [];
  for (const step of steps) {
    if (step.kind === "pass") over.forEach(({ time }) => (time.now += step.ms));
    else {
      const credentials = WAYS[step.how]?.(idOf(step.id)) ?? {};
      const attempt = over[step.at]?.authenticate(credentials, step.address) ?? Promise.resolve();
      given.push(spelled(await refusalOf(attempt)));
    }
  }
  return given;
}

const ways = Object.keys(WAYS);
const addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];

/** Some attempts in a row: buckets must run empty, and be refilled, for an answer to depend on them. */
function bursts(ids: readonly string[]): fc.Arbitrary<readonly Step[]> {
  const attempt = fc.record({
    kind: fc.constant("attempt" as const),
    id: fc.constantFrom(...ids),
    how: fc.oneof(fc.constant("a wrong secret"), fc.constantFrom(...ways)),
    address: fc.oneof(fc.constant("192.0.2.1"), fc.constantFrom(...addresses)),
    at: fc.constantFrom(0, 1),
  });
  return fc.tuple(attempt, fc.integer({ min: 1, max: 6 })).map(([one, times]) => Array<Step>(times).fill(one));
}

const passing: fc.Arbitrary<readonly Step[]> = fc.nat(5000).map((ms) => [{ kind: "pass", ms }]);

/** Histories in which these ids and some that do not exist are claimed. */
function histories(...ids: readonly string[]): fc.Arbitrary<readonly Step[]> {
  const claimed = bursts([...ids, "nobody", "nobody-else"]);
  const some = fc.oneof({ weight: 6, arbitrary: claimed }, { weight: 1, arbitrary: passing });
  return fc.array(some, { minLength: 1, maxLength: 10 }).map((parts) => parts.flat());
}

// SECURITY.md: "A refusal tells nothing".
describe("the answers to failing attempts", () => {
  test.each(KINDS)("are the same for %s as for an id that does not exist, alone and among others", async (kind) => {
    await fc.assert(
      fc.asyncProperty(histories(kind, kind, "digest"), async (steps) => {
        const known = await answers(steps, (id) => id);
        const unknown = await answers(steps, (id) => (id === kind ? twinOf(id) : id));
        expect(unknown).toEqual(known);
      }),
      { numRuns: 15 },
    );
  });

  test("are the same where no id exists at all", async () => {
    await fc.assert(
      fc.asyncProperty(histories(...KINDS), async (steps) => {
        expect(await answers(steps, twinOf)).toEqual(await answers(steps, (id) => id));
      }),
      { numRuns: 30 },
    );
  });

  test.each(ways)("by %s are the same for every kind of client, until they are too many and after", async (how) => {
    const all = await Promise.all(
      [...KINDS, "nobody"].map((id) =>
        answers(
          Array.from({ length: 8 }, () => ({ kind: "attempt", id, how, address: "192.0.2.1", at: 0 }) as const),
          (same) => same,
        ),
      ),
    );
    for (const history of all) expect(history).toEqual(all[0]);
  });

  test("say after failures with one id the same to each next id, whether or not it exists", async () => {
    for (const first of ["digest", "slow", "nobody"]) {
      const next = await Promise.all(
        ["digest", "slow", "off", "uri-away", "new-1", "new-2"].map(async (id) => {
          const step = (who: string): Step => ({
            kind: "attempt",
            id: who,
            how: "a wrong secret",
            address: "192.0.2.9",
            at: 0,
          });
          return answers([...Array.from({ length: 6 }, () => step(first)), step(id)], (same) => same);
        }),
      );
      for (const history of next) expect(history).toEqual(next[0]);
      expect(next[0]?.at(-1)).toMatch(/^slow_down/);
    }
  });
});
