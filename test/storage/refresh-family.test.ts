import fc from "fast-check";
import { expect, test } from "vitest";
import type { Rotation } from "../../src/storage/refresh-families.js";
import { begun, isGone, marked, rotate } from "../../src/storage/refresh-family.js";
import type { FamilyState } from "../../src/storage/refresh-family.js";

const POLICY = { graceMs: 30, idleMs: 200 };
const FAMILY = { id: "f", clientId: "spark", sessionId: "s", endsAt: 1000, grant: "{}", mac: "m" };

test("a family begins at generation 0, and its idle time with it", () => {
  const state = begun(FAMILY, 100);
  expect(state).toMatchObject({ generation: 0, marked: false });
  expect(isGone(state, 299, POLICY)).toBe(false);
  expect(isGone(state, 300, POLICY)).toBe(true);
});

test("a session's end ends the family, tombstone or not", () => {
  expect(isGone({ ...begun(FAMILY, 990), marked: true }, 999, POLICY)).toBe(false);
  expect(isGone({ ...begun(FAMILY, 990), marked: true }, 1000, POLICY)).toBe(true);
  expect(
    rotate(begun(FAMILY, 990), { familyId: "f", generation: 0, clientId: "spark" }, 1000, POLICY).rotation,
  ).toEqual({ outcome: "absent" });
});

test("a tombstone forgets what was granted", () => {
  expect(marked(begun(FAMILY, 0))).toMatchObject({ marked: true, grant: "" });
});

const step = fc.record({
  waitMs: fc.constantFrom(0, 1, 29, 30, 31, 199),
  generation: fc.nat(6),
  clientId: fc.constantFrom("spark", "spark", "spark", "thief"),
});

/** Runs a history and hands every step to a check. */
function replay(
  steps: readonly { waitMs: number; generation: number; clientId: string }[],
  check: (before: FamilyState | undefined, after: FamilyState | undefined, rotation: Rotation, now: number) => void,
): void {
  let state: FamilyState | undefined = begun(FAMILY, 0);
  let now = 0;
  for (const { waitMs, generation, clientId } of steps) {
    now += waitMs;
    const { next, rotation }: ReturnType<typeof rotate> = rotate(
      state,
      { familyId: "f", generation, clientId },
      now,
      POLICY,
    );
    check(state, next, rotation, now);
    state = next;
  }
}

test("generations never go back, and outside the grace window no two answers give the same successor", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const firstGivenAt = new Map<number, number>();
      replay(steps, (before, after, rotation, now) => {
        expect(after?.generation).toBeGreaterThanOrEqual(before?.generation ?? Infinity);
        if (!("generation" in rotation)) return;
        const first = firstGivenAt.get(rotation.generation) ?? now;
        firstGivenAt.set(rotation.generation, first);
        expect(now - first).toBeLessThan(POLICY.graceMs);
      });
    }),
  );
});

test("once a reuse was seen nothing is ever granted again", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let wasReused = false;
      replay(steps, (_before, _after, rotation) => {
        if (wasReused) expect(["reused", "absent"]).toContain(rotation.outcome);
        wasReused ||= rotation.outcome === "reused";
      });
    }),
  );
});

test("another client's use and a repeat store nothing", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      replay(steps, (before, after, rotation) => {
        if (rotation.outcome === "absent" || rotation.outcome === "repeated") expect(after).toBe(before);
      });
    }),
  );
});
