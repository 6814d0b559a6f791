/** docs/standards.md names the test of every requirement; here is whether they are there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { areInOrder, faultsOf, numberedRows, TESTS } from "./named-tests.js";

const rows = numberedRows(readFileSync(join(TESTS, "../docs/standards.md"), "utf8")).map(
  ([number = "", requirement = "", section = "", ...proof]) => ({
    number,
    requirement,
    section,
    proof: proof.join(" | "),
  }),
);

describe("docs/standards.md", () => {
  test("has a row for each requirement, numbered in order", () => {
    expect(rows.length).toBeGreaterThan(120);
    expect(areInOrder(rows.map(({ number }) => number))).toBe(true);
  });

  test.each(rows)("$number is proved by tests that exist", ({ requirement, section, proof }) => {
    expect(requirement.length).toBeGreaterThan(10);
    expect(section).not.toBe("");
    expect(faultsOf(proof)).toEqual([]);
  });
});
