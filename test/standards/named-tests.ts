/** Tests that a page names, such as `attack/oracle.test.ts "a title", "another"; keys/sealing.test.ts "a title"`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const TESTS = join(import.meta.dirname, "..");

interface NamedTests {
  /** Its path below `test`. */
  readonly file: string;
  /** Titles, or the parts of them that the file spells out. */
  readonly titles: readonly string[];
}

/** The cells of each row of a page's tables whose first cell is a number such as `1.1`. */
export function numberedRows(page: string): (readonly string[])[] {
  return [...page.matchAll(/^\| (\d+\.\d+ +\| .*) \|$/gm)].map(([, row = ""]) =>
    row.split(" | ").map((cell) => cell.trim()),
  );
}

export function namedTests(cell: string): readonly NamedTests[] {
  return cell.split(/; (?=[\w./-]+\.ts )/).map((part) => {
    const [, file = "", quotes = ""] = /^([\w./-]+\.ts) (.*)$/.exec(part) ?? [];
    return {
      file,
      titles: [...quotes.matchAll(/"(.+?)"(?=, "|$)/g)].map(([, title = ""]) => title.replaceAll("`", "")),
    };
  });
}

/** What is wrong with the tests that a cell names; nothing if each file has each title. */
export function faultsOf(cell: string): readonly string[] {
  return namedTests(cell).flatMap(({ file, titles }) => {
    if (file === "" || titles.length === 0) return [`names no test: ${cell}`];
    if (!existsSync(join(TESTS, file))) return [`no such file: ${file}`];
    const text = readFileSync(join(TESTS, file), "utf8").replaceAll("`", "");
    return titles.filter((title) => !text.includes(title)).map((title) => `${file} has no "${title}"`);
  });
}

/** Whether sections count from 1 without a gap, and the numbers in each ascend. */
export function areInOrder(numbers: readonly string[]): boolean {
  const pairs = numbers.map((number) => number.split(".").map(Number));
  const sections = [...new Set(pairs.map(([section]) => section))];
  return (
    sections.every((section, index) => section === index + 1) &&
    pairs.every(([section = 0, row = 0], index) => {
      const [before = 0, rowBefore = 0] = pairs[index - 1] ?? [];
      return section > before || (section === before && row > rowBefore);
    })
  );
}
