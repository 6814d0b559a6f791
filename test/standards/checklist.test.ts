/** docs/standards.md names the test of every requirement; here is whether they are there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const TESTS = join(import.meta.dirname, "..");
const page = readFileSync(join(TESTS, "../docs/standards.md"), "utf8");

interface Row {
  readonly number: string;
  readonly requirement: string;
  readonly section: string;
  readonly proof: string;
}

/** Lines such as `| 1.1 | requirement | section | file.test.ts "title" |`. */
const rows: readonly Row[] = [...page.matchAll(/^\| (\d+\.\d+) +\| (.*) \|$/gm)].map(([, number = "", rest = ""]) => {
  const [requirement = "", section = "", ...proof] = rest.split(" | ").map((cell) => cell.trim());
  return { number, requirement, section, proof: proof.join(" | ") };
});

/** The proofs of a row: each file with the titles quoted behind it. */
function proofsOf({ proof }: Row): { readonly file: string; readonly titles: readonly string[] }[] {
  return proof.split(/; (?=[\w./-]+\.ts )/).map((part) => {
    const [, file = "", quotes = ""] = /^([\w./-]+\.ts) (.*)$/.exec(part) ?? [];
    return {
      file,
      titles: [...quotes.matchAll(/"(.+?)"(?=, "|$)/g)].map(([, title = ""]) => title.replaceAll("`", "")),
    };
  });
}

describe("docs/standards.md", () => {
  test("has a row for each requirement, numbered in order", () => {
    expect(rows.length).toBeGreaterThan(120);
    const sections = Map.groupBy(rows, ({ number }) => Number(number.split(".")[0]));
    expect([...sections.keys()]).toEqual(Array.from({ length: sections.size }, (_, index) => index + 1));
    for (const inSection of sections.values()) {
      const numbers = inSection.map(({ number }) => Number(number.split(".")[1]));
      expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
    }
  });

  test.each(rows)("$number is proved by tests that exist", (row) => {
    expect(row.requirement.length).toBeGreaterThan(10);
    expect(row.section).not.toBe("");
    for (const { file, titles } of proofsOf(row)) {
      expect([file, existsSync(join(TESTS, file))]).toEqual([file, true]);
      expect(titles.length).toBeGreaterThan(0);
      const text = readFileSync(join(TESTS, file), "utf8").replaceAll("`", "");
      for (const title of titles) expect([file, title, text.includes(title)]).toEqual([file, title, true]);
    }
  });
});
