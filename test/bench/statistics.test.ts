import { describe, expect, it } from "vitest";
import { percentile } from "../../bench/load.js";
import { spreadOf } from "../../bench/statistics.js";

describe("statistics of the bench", () => {
  it("take the middle, or the mean of the two middles", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  });

  it("find the value below which a share of the samples lies", () => {
    const sorted = Array.from({ length: 100 }, (_, at) => at + 1);
    expect(percentile(sorted, 0.5)).toBe(51);
    expect(percentile(sorted, 0.99)).toBe(100);
    expect(percentile([7], 0.99)).toBe(7);
  });
});
