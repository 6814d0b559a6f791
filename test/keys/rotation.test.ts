import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "../../src/time/clock.js";
import type { RingKey } from "../../src/keys/ring-document.js";
import {
  addKey,
  forgottenAt,
  isPublished,
  jwksMaxAgeSeconds,
  keyState,
  nextRing,
  revokeKey,
  signingKey,
  unpublishedAt,
  type KeyTimes,
  type RotationRule,
} from "../../src/keys/rotation.js";

let made = 0;
function keyWith(times: KeyTimes, algorithm: RingKey["algorithm"] = "ES256"): RingKey {
  made += 1;
  const kid = `key-${String(made).padStart(6, "0")}`;
  const publicJwk = { kty: "EC", kid, use: "sig", alg: algorithm } as const;
  return { kid, algorithm, publicJwk, privateJwk: { kty: "EC", d: kid }, ...times };
}

/** What the leader does at an instant. */
function lead(keys: readonly RingKey[], rule: RotationRule, now: number): readonly RingKey[] {
  const plan = nextRing(keys, rule, now);
  return plan.newKey === undefined ? plan.keys : addKey(plan.keys, keyWith(plan.newKey, rule.algorithm));
}

const daily: RotationRule = {
  algorithm: "ES256",
  rotateEveryMs: 30 * DAY,
  publishAheadMs: 15 * MINUTE,
  accessTtlMs: HOUR,
  sessionTtlMs: DAY,
};

const rules: fc.Arbitrary<RotationRule> = fc.record({
  algorithm: fc.constant("ES256" as const),
  rotateEveryMs: fc.integer({ min: 1 * SECOND, max: 10 * MINUTE }),
  publishAheadMs: fc.integer({ min: 0, max: 3 * MINUTE }),
  accessTtlMs: fc.integer({ min: 1 * SECOND, max: 20 * MINUTE }),
  sessionTtlMs: fc.integer({ min: 1 * SECOND, max: HOUR }),
});

/** How the leader comes round: from every tenth of a second to an absence of ten minutes. */
const absences = fc.array(fc.oneof(fc.integer({ min: 100, max: 2000 }), fc.integer({ min: 1000, max: 10 * MINUTE })), {
  minLength: 5,
  maxLength: 60,
});

const START = 1_000_000;

interface Step {
  readonly now: number;
  readonly until: number;
  readonly keys: readonly RingKey[];
}

/** Rings as a leader leaves them, each with the span during which it stands. */
function history(rule: RotationRule, gapsMs: readonly number[]): readonly Step[] {
  const steps: Step[] = [];
  let keys: readonly RingKey[] = [];
  let now = START;
  for (const gap of gapsMs) {
    keys = lead(keys, rule, now);
    steps.push({ now, until: now + gap, keys });
    now += gap;
  }
  return steps;
}

/** Instants worth looking at while a ring stands: its ends, and both sides of every change of state. */
function instants({ now, until, keys }: Step): readonly number[] {
  const edges = keys.flatMap((key) => [key.activatesAt, key.retiresAt ?? now, unpublishedAt(key), forgottenAt(key)]);
  return [now, until - 1, ...edges.flatMap((at) => [at - 1, at, at + 1])].filter((at) => at >= now && at < until);
}

function everywhere(rule: RotationRule, gaps: readonly number[], check: (step: Step, at: number) => void): void {
  for (const step of history(rule, gaps)) for (const at of instants(step)) check(step, at);
}

test("at every instant exactly one key signs", () => {
  fc.assert(
    fc.property(rules, absences, (rule, gaps) =>
      everywhere(rule, gaps, ({ keys }, at) => {
        expect(keys.filter((key) => keyState(key, at) === "active")).toHaveLength(1);
      }),
    ),
  );
});

test("no key but the very first signs before it has been in the JWKS for publish_ahead, however late the leader was", () => {
  fc.assert(
    fc.property(rules, absences, (rule, gaps) => {
      everywhere(rule, gaps, ({ keys }, at) => {
        for (const key of keys.filter(({ publishedAt }) => publishedAt > START)) {
          if (at < key.publishedAt + rule.publishAheadMs) expect(keyState(key, at)).not.toBe("active");
          if (at >= key.publishedAt && at < key.activatesAt) expect(isPublished(key, at)).toBe(true);
        }
      });
    }),
  );
});

test("a key stays in the JWKS until its last token has expired and 2 s more, then it is gone", () => {
  fc.assert(
    fc.property(rules, absences, (rule, gaps) => {
      const lastSignedAt = new Map<string, number>();
      everywhere(rule, gaps, ({ keys }, at) => {
        const signing = signingKey(keys, at);
        if (signing !== undefined) lastSignedAt.set(signing.kid, Math.max(at, lastSignedAt.get(signing.kid) ?? 0));
        for (const [kid, signedAt] of lastSignedAt) {
          if (at >= signedAt + rule.accessTtlMs + 2 * SECOND) continue;
          expect(keys.some((key) => key.kid === kid && isPublished(key, at))).toBe(true);
        }
        for (const key of keys) {
          const deadAt = (key.retiresAt ?? Infinity) + rule.accessTtlMs + 2 * SECOND;
          if (at >= deadAt) expect(keyState(key, at)).toBe("gone");
        }
      });
    }),
  );
});

test("a gone key's public half is kept for session_ttl (or 64 rotations, if that is less), its private half is not", () => {
  fc.assert(
    fc.property(rules, absences, (rule, gaps) => {
      const goneAt = new Map<string, number>();
      const period = Math.max(rule.rotateEveryMs, rule.publishAheadMs);
      everywhere(rule, gaps, ({ keys, now }, at) => {
        for (const key of keys.filter((candidate) => candidate.retiresAt !== undefined)) {
          goneAt.set(key.kid, unpublishedAt(key));
          if (keyState(key, now) === "gone") expect(key).not.toHaveProperty("privateJwk");
        }
        for (const [kid, since] of goneAt) {
          if (at >= since + Math.min(rule.sessionTtlMs, 64 * period)) continue;
          expect(keys.some((key) => key.kid === kid)).toBe(true);
        }
      });
    }),
  );
});

// SECURITY.md: "Everything is bounded".
test("the number of keys is bounded by the settings alone", () => {
  fc.assert(
    fc.property(rules, absences, (rule, gaps) => {
      const period = Math.max(rule.rotateEveryMs, rule.publishAheadMs);
      const published = Math.ceil((rule.accessTtlMs + 2 * SECOND) / period) + 2;
      everywhere(rule, gaps, ({ keys }, at) => {
        expect(keys.filter((key) => isPublished(key, at)).length).toBeLessThanOrEqual(published);
      });
      for (const { keys } of history(rule, gaps)) {
        expect(keys.length).toBeLessThanOrEqual(published + 64 + Math.ceil(MINUTE / period) + 2);
      }
    }),
  );
});

test("the leader need not look before lookAgainAt: until then there is nothing to do", () => {
  fc.assert(
    fc.property(rules, absences, fc.nat({ max: 1000 }), (rule, gaps, share) => {
      for (const { keys, now } of history(rule, gaps)) {
        const { lookAgainAt } = nextRing(keys, rule, now);
        if (lookAgainAt <= now) continue;
        const between = now + Math.floor(((lookAgainAt - now - 1) * share) / 1000);
        expect(nextRing(keys, rule, between)).toMatchObject({ changed: false, newKey: undefined });
      }
    }),
  );
});

test("whatever is revoked and whenever, the next ring has exactly one key that signs, and never a revoked one", () => {
  fc.assert(
    fc.property(rules, absences, fc.array(fc.nat({ max: 5 }), { maxLength: 60 }), (rule, gaps, victims) => {
      let keys: readonly RingKey[] = [];
      let now = START;
      for (const [index, gap] of gaps.entries()) {
        keys = lead(keys, rule, now);
        const victim = keys[victims[index] ?? keys.length];
        if (victim !== undefined) keys = lead(revokeKey(keys, victim.kid, now), rule, now);
        for (const at of [now, now + gap]) {
          const active = keys.filter((key) => keyState(key, at) === "active");
          expect(active).toHaveLength(1);
          expect(active[0]?.revokedAt).toBeUndefined();
        }
        now += gap;
      }
    }),
  );
});

test("with rotate_every 4 s and publish_ahead 2 s a key changes every 4 s and at most five are published", () => {
  const rule = { ...daily, rotateEveryMs: 4000, publishAheadMs: 2000, accessTtlMs: 10_000 };
  const steps = history(
    rule,
    Array.from({ length: 300 }, () => 100),
  );
  expect(new Set(steps.map(({ keys, now }) => signingKey(keys, now)?.kid)).size).toBeGreaterThanOrEqual(7);
  for (const { keys, now } of steps) {
    expect(keys.filter((key) => isPublished(key, now)).length).toBeLessThanOrEqual(5);
  }
});

test("an overdue key signs on until its successor has been published for long enough", () => {
  const keys = lead([], daily, 0);
  const back = lead(keys, daily, 400 * DAY);
  expect(signingKey(back, 400 * DAY + 15 * MINUTE - 1)).toMatchObject({ kid: keys[0]?.kid });
  expect(signingKey(back, 400 * DAY + 15 * MINUTE)).toMatchObject({ publishedAt: 400 * DAY });
});

test("a longer access_ttl holds for the keys in the JWKS too; a shorter one does not shorten their stay", () => {
  const first = lead([], daily, 0);
  const longer = lead(first, { ...daily, accessTtlMs: 3 * HOUR }, DAY);
  expect(longer[0]?.tokenTtlMs).toBe(3 * HOUR);
  expect(lead(longer, daily, 2 * DAY)[0]?.tokenTtlMs).toBe(3 * HOUR);
});

test("another algorithm in the settings brings a new key at once, which still waits publish_ahead", () => {
  const keys = lead(lead([], daily, 0), { ...daily, algorithm: "EdDSA" }, DAY);
  expect(keys.map(({ algorithm }) => algorithm)).toEqual(["ES256", "EdDSA"]);
  expect(keys[1]).toMatchObject({ publishedAt: DAY, activatesAt: DAY + 15 * MINUTE });
});

test("when keys come from elsewhere the ring's own retire, and are kept while their tokens live", () => {
  const keys = lead(lead([], daily, 0), { ...daily, algorithm: undefined }, DAY);
  expect(keys).toMatchObject([{ retiresAt: DAY }]);
  expect(keys.map((key) => keyState(key, DAY + HOUR))).toEqual(["retired"]);
});

test.each([
  ["2s", 2 * SECOND, 1],
  ["30s", 30 * SECOND, 15],
  ["15m", 15 * MINUTE, 300],
  ["1s: too short for any cache", SECOND, 0],
])("the JWKS may be cached for half of publish_ahead and at most 5 min: %s", (_, publishAheadMs, seconds) => {
  expect(jwksMaxAgeSeconds({ publishAheadMs })).toBe(seconds);
});
