import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hasRoom, spend, type Bucket } from "../../src/limits/gcra.js";

const policy = { burst: 5, intervalMs: 1000 };

/** Feeds failures at these gaps to one bucket; returns the instants of those that fitted. */
function fitting(gaps: readonly number[]): number[] {
  let bucket: Bucket;
  let now = 0;
  const fitted: number[] = [];
  for (const gap of gaps) {
    now += gap;
    if (!hasRoom(bucket, now, policy)) continue;
    bucket = spend(bucket, now, policy);
    fitted.push(now);
  }
  return fitted;
}

describe("a bucket of failures", () => {
  test("holds exactly the burst", () => {
    expect(fitting(Array<number>(20).fill(0))).toHaveLength(5);
  });

  test("forgives one failure an interval", () => {
    expect(fitting([0, 0, 0, 0, 0, 999])).toHaveLength(5);
    expect(fitting([0, 0, 0, 0, 0, 1000])).toHaveLength(6);
    expect(fitting([0, 0, 0, 0, 0, 1000, 999])).toHaveLength(6);
  });

  test("is full again after the whole burst's time and holds no more than the burst then", () => {
    expect(fitting([0, 0, 0, 0, 0, 5_000_000, 0, 0, 0, 0, 0, 0, 0])).toHaveLength(10);
  });

  test("lets through, in any window, at most the burst and one for each interval in it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2500 }), { maxLength: 80 }), (gaps) => {
        const fitted = fitting(gaps);
        fitted.forEach((from, first) => {
          fitted.slice(first).forEach((to, count) => {
            expect(count + 1).toBeLessThanOrEqual(policy.burst + Math.floor((to - from) / policy.intervalMs));
          });
        });
      }),
    );
  });

  test("spent when it is empty stays empty, and is punished no longer for it", () => {
    let bucket: Bucket;
    for (let i = 0; i < 100; i++) bucket = spend(bucket, 0, policy);
    expect(hasRoom(bucket, 999, policy)).toBe(false);
    expect(hasRoom(bucket, 1000, policy)).toBe(true);
  });
});
