import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beginSession, endOf, isEnding } from "../../src/tokens/sessions.js";

const beginning = { id: "s".repeat(22), now: 1_000_000, ttlMs: 500_000, notBefore: 0, ancestors: [], keys: [] };

describe("a session", () => {
  test("begins now and ends session_ttl later", () => {
    expect(beginSession(beginning)).toMatchObject({ startedAt: 1_000_000, endsAt: 1_500_000 });
  });

  test("begun before a not-before instant has passed is dated just after it", () => {
    expect(beginSession({ ...beginning, notBefore: 1_002_000 }).startedAt).toBe(1_003_000);
    expect(beginSession({ ...beginning, notBefore: 1_000_000 }).startedAt).toBe(1_001_000);
    expect(beginSession({ ...beginning, notBefore: 999_000 }).startedAt).toBe(1_000_000);
  });

  test("that grows from another ends no later than it", () => {
    expect(beginSession({ ...beginning, noLaterThan: 1_200_000 }).endsAt).toBe(1_200_000);
    expect(beginSession({ ...beginning, noLaterThan: 9_999_000 }).endsAt).toBe(1_500_000);
  });

  test("names each ancestor once", () => {
    expect(beginSession({ ...beginning, ancestors: ["a", "b", "a"] }).ancestors).toEqual(["a", "b"]);
  });

  test("ends by the earlier of its written end and the present setting", () => {
    const session = beginSession(beginning);
    expect(endOf(session, 100_000)).toBe(1_100_000);
    expect(endOf(session, 9_999_000)).toBe(1_500_000);
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
        const now = 1_000_000;
        const presentExpiry = now + Math.ceil(life / 10);
        const end = Math.max(presentExpiry, now + sessionLeft);
        const refused = isEnding(end, now, presentExpiry, life);
        // What is refused still lives; what is answered gains at least a quarter of a life, or a whole one.
        return refused
          ? presentExpiry > now
          : Math.min(end, now + life) - presentExpiry >= Math.min(life / 4, life * 0.9 - 1);
      }),
    );
  });
});
