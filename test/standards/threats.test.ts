/** docs/threats.md and SECURITY.md name the tests that hold icemint to their word; here is whether they are there. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { areInOrder, faultsOf, numberedRows, TESTS } from "./named-tests.js";

const read = (path: string): string => readFileSync(join(TESTS, "..", path), "utf8");
const page = read("docs/threats.md");
const security = read("SECURITY.md");

const threats = numberedRows(page).map(([number = "", what = "", most = "", bound = "", proof = ""]) => ({
  number,
  what,
  most,
  bound,
  proof,
}));

/** Promises begin with their names: `- **No secret is shown.** ...`. */
const promises = [...security.matchAll(/^- \*\*(.+?)\.\*\* /gm)].map(([, name = ""]) => name);

/** What somebody with Redis can do: the rows below the heading and the rule. */
const redisRows = (/## What someone with access to Redis can do\n([\s\S]*?)\n## /.exec(security)?.[1] ?? "")
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .slice(2)
  .map((line) => {
    const cells = line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim());
    return { what: cells[0] ?? "", cells };
  });

/** The promises that stand in a line right above a test or a group of tests: `// SECURITY.md: "No secret is shown".` */
const cited = readdirSync(TESTS, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.ts"))
  .flatMap((file) => {
    const text = readFileSync(join(TESTS, file), "utf8");
    const citations = text.matchAll(/^ *\/\/ SECURITY\.md: "(.+)"\.\n *(?:describe|test)\b/gm);
    return [...citations].map(([, promise = ""]) => ({ file, promise }));
  });

describe("docs/threats.md", () => {
  test("has a section for each place that an attacker may come from, and rows in order", () => {
    const places = [...page.matchAll(/^## \d+\. (.+)$/gm)].map(([, place]) => place);
    expect(places).toEqual([
      "The network",
      "A client",
      "A trusted issuer",
      "A catalog",
      "Redis",
      "A node",
      "An operator's laptop",
      "The supply chain",
    ]);
    expect(new Set(threats.map(({ number }) => number.split(".")[0])).size).toBe(places.length);
    expect(areInOrder(threats.map(({ number }) => number))).toBe(true);
  });

  test("can be read in ten minutes, at 250 words a minute, file names and titles apart", () => {
    const prose = page
      .split("\n")
      .map((line) => (/^\| \d/.test(line) ? line.split(" | ").slice(1, 4).join(" ") : line));
    const words = prose.join(" ").match(/[\p{L}\d][\p{L}\d'-]*/gu) ?? [];
    expect(words.length).toBeLessThan(2500);
  });

  test.each(threats)("$number says what happens, what bounds it, and which tests prove it", (threat) => {
    for (const cell of [threat.what, threat.most, threat.bound]) expect(cell.length).toBeGreaterThan(5);
    expect(faultsOf(threat.proof)).toEqual([]);
  });
});

describe("SECURITY.md", () => {
  test("gives each promise a name", () => {
    const list = /## What icemint promises\n([\s\S]*?)\n## /.exec(security)?.[1] ?? "";
    expect(promises.length).toBeGreaterThan(8);
    expect(list.match(/^- /gm)).toHaveLength(promises.length);
  });

  test.each(promises)("promises that tests cite: %s", (promise) => {
    expect(cited.filter((citation) => citation.promise === promise)).not.toEqual([]);
  });

  test("is cited for nothing that it does not promise", () => {
    expect(cited.filter(({ promise }) => !promises.includes(promise))).toEqual([]);
  });

  test.each(redisRows)(
    "says what bounds somebody who can, in Redis, $what, and names tests that exist",
    ({ cells }) => {
      expect(cells).toHaveLength(4);
      expect(faultsOf(cells[3] ?? "")).toEqual([]);
    },
  );

  test("has a row for each thing that somebody with Redis can do", () => {
    expect(redisRows.length).toBeGreaterThan(6);
  });
});
