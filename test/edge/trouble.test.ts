import { expect, test } from "vitest";
import { Trouble } from "../../src/edge/trouble.js";
import { MINUTE, SECOND } from "../../src/time/clock.js";

test("a failure is told when its reason changes, each minute, and after it was over", () => {
  let now = 0;
  const trouble = new Trouble(() => now);
  const told = ["refused", "refused", "slow", "slow", "refused"].map((reason) => trouble.isNews(reason));
  expect(told).toEqual([true, false, true, false, true]);
  now += MINUTE - SECOND;
  expect(trouble.isNews("refused")).toBe(false);
  now += SECOND;
  expect(trouble.isNews("refused")).toBe(true);
  trouble.over();
  expect(trouble.isNews("refused")).toBe(true);
});
