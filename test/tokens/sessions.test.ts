import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beginSession, endOf, isEnding } from "../../src/tokens/sessions.js";

const beginning = { id: "s".repeat(22), nowSeconds: 1000, ttlSeconds: 500, notBefore: 0, ancestors: [], keys: [] };

describe("a session", () => {
  test("begins now and ends session_ttl later", () => {
    expect(beginSession(beginning)).toMatchObject({ startedAt: 1000, endsAt: 1500 });
  });

  test("begun before a not-before instant has passed is dated just after it", () => {
    expect(beginSession({ ...beginning, notBefore: 1002 }).startedAt).toBe(1003);
    expect(beginSession({ ...beginning, notBefore: 1000 }).startedAt).toBe(1001);
    expect(beginSession({ ...beginning, notBefore: 999 }).startedAt).toBe(1000);
  });

  test("that grows from another ends no later than it", () => {
    expect(beginSession({ ...beginning, noLaterThan: 1200 }).endsAt).toBe(1200);
    expect(beginSession({ ...beginning, noLaterThan: 9999 }).endsAt).toBe(1500);
  });

  test("names each ancestor once", () => {
    expect(beginSession({ ...beginning, ancestors: ["a", "b", "a"] }).ancestors).toEqual(["a", "b"]);
  });

  test("ends by the earlier of its written end and the present setting", () => {
    const session = beginSession(beginning);
    expect(endOf(session, 100)).toBe(1100);
    expect(endOf(session, 9999)).toBe(1500);
  });
});

describe("the end of a session", () => {
  test("is near when a refresh would gain less than a quarter of a life", () => {
    // life 100; the present token expires at 1010; the session ends at 1030: a new token would live 20 s longer.
    expect(isEnding(1030, 1000, 1010, 100)).toBe(true);
    expect(isEnding(1035, 1000, 1010, 100)).toBe(false);
  });

  test("is not near while a whole life still fits, however fresh the present token is", () => {
    expect(isEnding(1100, 1000, 1100, 100)).toBe(false);
  });

  test("leaves a token that is refused with time of its own, if it was asked for at 90 percent of its life or earlier", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 86_400 }), fc.integer({ min: 0, max: 100_000 }), (life, sessionLeft) => {
        const nowSeconds = 1_000_000;
        const presentExpiry = nowSeconds + Math.ceil(life / 10);
        const end = Math.max(presentExpiry, nowSeconds + sessionLeft);
        const refused = isEnding(end, nowSeconds, presentExpiry, life);
        // What is refused still lives; what is answered gains at least a quarter of a life, or a whole one.
        return refused
          ? presentExpiry > nowSeconds
          : Math.min(end, nowSeconds + life) - presentExpiry >= Math.min(life / 4, life * 0.9 - 1);
      }),
    );
  });
});
