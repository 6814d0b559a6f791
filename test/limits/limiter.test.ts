import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFailedLoginLimiter } from "../../src/limits/limiter.js";
import type { FailedLogins } from "../../src/storage/failed-logins.js";

const policy = { burst: 3, intervalMs: 1000 };

/** How ids stand in keys. */
function digestOfId(id: string): string {
  return createHash("sha256").update(id).digest("base64url");
}

function limiterAt(start = 0, options: { maxKeys?: number; failedLogins?: FailedLogins } = {}) {
  const time = { now: start };
  const limiter = createFailedLoginLimiter({ policy, clock: () => time.now, ...options });
  const drain = (clientId: string | undefined, address: string): boolean[] =>
    Array.from({ length: 4 }, () => limiter.charge(clientId, address));
  return { limiter, time, drain };
}

describe("the failure limiter", () => {
  test("charges until the bucket is empty, and then says so", () => {
    const { drain } = limiterAt();
    expect(drain("spark", "192.0.2.1")).toEqual([true, true, true, false]);
  });

  test("counts each id and address apart before slow work, and both for the answer", () => {
    const { limiter, drain } = limiterAt();
    drain("spark", "192.0.2.1");
    expect(limiter.allows("spark", "192.0.2.1")).toBe(false);
    expect(limiter.allows("spark", "192.0.2.2")).toBe(true);
    expect(limiter.allows("trino", "192.0.2.1")).toBe(true);
    expect(limiter.charge("trino", "192.0.2.1")).toBe(false);
    expect(limiter.charge("spark", "192.0.2.2")).toBe(true);
  });

  test("charges every failure to its address, with an id or without", () => {
    for (const ids of [
      ["a", "b", "c"],
      ["a", undefined, "a"],
      [undefined, undefined, undefined],
    ]) {
      const { limiter } = limiterAt();
      expect(ids.map((id) => limiter.charge(id, "192.0.2.1"))).toEqual([true, true, true]);
      expect(limiter.allows(undefined, "192.0.2.1")).toBe(false);
      expect(["a", "d", undefined].map((id) => limiter.charge(id, "192.0.2.1"))).toEqual([false, false, false]);
    }
  });

  test("goes on charging an id whose address has no room left, so that slow work for it ends", () => {
    const { limiter, drain } = limiterAt();
    drain(undefined, "192.0.2.1");
    expect(limiter.allows("spark", "192.0.2.1")).toBe(true);
    expect(drain("spark", "192.0.2.1")).toEqual([false, false, false, false]);
    expect(limiter.allows("spark", "192.0.2.1")).toBe(false);
  });

  test("takes a /64 of IPv6 for one address, and an IPv4-mapped address for the IPv4 one", () => {
    const { limiter, drain } = limiterAt();
    drain(undefined, "2001:db8:1:2:3:4:5:6");
    expect(limiter.allows(undefined, "2001:DB8:1:2::9")).toBe(false);
    expect(limiter.allows(undefined, "2001:db8:1:3::9")).toBe(true);
    drain(undefined, "::ffff:192.0.2.7");
    expect(limiter.allows(undefined, "192.0.2.7")).toBe(false);
  });

  test("forgives with time", () => {
    const { limiter, time, drain } = limiterAt();
    drain("spark", "192.0.2.1");
    time.now = 999;
    expect(limiter.allows("spark", "192.0.2.1")).toBe(false);
    time.now = 1000;
    expect(limiter.allows("spark", "192.0.2.1")).toBe(true);
  });

  test("never forgives later because of failures that did not fit", () => {
    const { limiter, time, drain } = limiterAt();
    for (let i = 0; i < 50; i++) drain("spark", "192.0.2.1");
    time.now = 1000;
    expect(limiter.charge("spark", "192.0.2.1")).toBe(true);
  });

  test("tells other replicas of what it charged, and only of that", () => {
    const spent: string[] = [];
    const { drain } = limiterAt(0, { failedLogins: { spend: (key) => void spent.push(key), follow: () => {} } });
    drain("spark", "192.0.2.1");
    drain(undefined, "2001:db8::1");
    const both = ["192.0.2.1", `${digestOfId("spark")} 192.0.2.1`];
    expect(spent).toEqual([...both, ...both, ...both, ...Array<string>(3).fill("2001:db8:0:0::/64")]);
  });

  test("adds what other replicas counted, and does not tell them again", () => {
    const spent: string[] = [];
    const { limiter } = limiterAt(0, { failedLogins: { spend: (key) => void spent.push(key), follow: () => {} } });
    const key = `${digestOfId("spark")} 192.0.2.1`;
    limiter.merge(key, 2);
    expect(limiter.allows("spark", "192.0.2.1")).toBe(true);
    limiter.merge(key, 1_000_000_000);
    expect(limiter.allows("spark", "192.0.2.1")).toBe(false);
    expect(spent).toEqual([]);
  });

  test("drops full buckets first when its table is full, so that a flood of addresses frees no guesser", () => {
    const { limiter, time, drain } = limiterAt(0, { maxKeys: 100 });
    drain("spark", "198.51.100.1");
    for (let i = 0; i < 99; i++) limiter.charge(undefined, `192.0.2.${i}`);
    time.now = 1500;
    for (let i = 0; i < 90; i++) limiter.charge(undefined, `203.0.113.${i}`);
    expect(drain("spark", "198.51.100.1")).toEqual([true, false, false, false]);
  });

  test("frees no guesser by a flood of ids from one address, or of addresses", () => {
    const { limiter, drain } = limiterAt(0, { maxKeys: 50 });
    drain("spark", "198.51.100.1");
    for (let i = 0; i < 500; i++) limiter.charge(`made-up-${i}`, "198.51.100.1");
    for (let i = 0; i < 500; i++) limiter.charge(`made-up-${i}`, `192.0.${i % 100}.${i % 250}`);
    expect(limiter.allows("spark", "198.51.100.1")).toBe(false);
    expect(limiter.allows(undefined, "198.51.100.1")).toBe(false);
  });

  test("never lets more through in any window than the burst and what was forgiven in it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 60 }), (gaps) => {
        const { limiter, time } = limiterAt();
        const fitted = gaps.flatMap((gap) => {
          time.now += gap;
          return limiter.charge("spark", "192.0.2.1") ? [time.now] : [];
        });
        const [first = 0] = fitted;
        const last = fitted.at(-1) ?? 0;
        expect(fitted.length).toBeLessThanOrEqual(policy.burst + Math.floor((last - first) / policy.intervalMs));
      }),
    );
  });
});
