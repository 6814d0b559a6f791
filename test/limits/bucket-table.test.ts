import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBucketTable } from "../../src/limits/bucket-table.js";

describe("a table of buckets", () => {
  test("pushes out the one that is full again the soonest, and of those alike the one charged the longest ago", () => {
    const table = createBucketTable({ maxKeys: 3, stepMs: 1000 });
    table.set("late", 9000);
    table.set("b", 1900);
    table.set("a", 1200);
    table.set("b", 1950);
    table.set("c", 1100);
    expect(["late", "a", "b", "c"].map((key) => table.get(key))).toEqual([9000, undefined, 1950, 1100]);
    table.set("d", 20_000);
    table.set("e", 20_000);
    expect(["late", "b", "c", "d", "e"].map((key) => table.get(key))).toEqual([
      9000,
      undefined,
      undefined,
      20_000,
      20_000,
    ]);
  });

  test("keeps what a plain list would keep, whatever is set in whatever order", () => {
    const sets = fc.array(
      fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"), fc.integer({ min: 0, max: 20 })),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(sets, fc.integer({ min: 1, max: 5 }), (all, maxKeys) => {
        const table = createBucketTable({ maxKeys, stepMs: 1 });
        let list: (readonly [string, number])[] = [];
        for (const [key, fullAt] of all) {
          table.set(key, fullAt);
          const kept = list.filter(([name]) => name !== key);
          if (kept.length >= maxKeys) {
            const soonest = Math.min(...kept.map(([, at]) => at));
            kept.splice(
              kept.findIndex(([, at]) => at === soonest),
              1,
            );
          }
          list = [...kept, [key, fullAt]];
          for (const name of "abcdefgh") expect(table.get(name)).toBe(new Map(list).get(name));
        }
      }),
    );
  });
});
