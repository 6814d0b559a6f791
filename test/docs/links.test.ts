import { existsSync, globSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../support/tool.js";
import { anchorsOf, pages, proseOf } from "./markdown.js";

const isThere = (path: string): boolean => existsSync(join(projectRoot, path));

/** Targets of links and images inside the repository. */
function linksOf(page: string): readonly string[] {
  const targets = [...proseOf(page).matchAll(/\]\(<?([^)\s>]+)>?\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

function isDead(page: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : normalize(join(dirname(page), path));
  return !isThere(target) || (anchor !== undefined && target.endsWith(".md") && !anchorsOf(target).has(anchor));
}

/** Every source file, by each end of its path: a page may leave out the first folders. */
const sources: ReadonlySet<string> = new Set(
  globSync("{src,test,bench,chaos,scripts,conformance}/**/*.{ts,lua}", { cwd: projectRoot }).flatMap((path) =>
    path.split("/").map((_, from, parts) => parts.slice(from).join("/")),
  ),
);

/** Source files that a page names as code, with or without their first folders. */
function sourcesNamedIn(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/`((?:[\w-]+\/)*[\w.-]+\.(?:ts|lua))`/g)].map(([, name = ""]) => name);
}

/** Files that a page names as code, from the root of the repository. */
function filesNamedIn(page: string): readonly string[] {
  const folders = "src|test|docs|deploy|examples|conformance|proto|bench|chaos|scripts";
  const name = new RegExp(`\`((?:${folders})/[\\w./-]+\\.[a-z]+)(?:#[\\w-]+)?\``, "g");
  return [...proseOf(page).matchAll(name)].map(([, path = ""]) => path);
}

test("the pages are found", () => {
  expect(pages).toEqual(expect.arrayContaining(["README.md", "docs/runbook.md", "src/storage/README.md"]));
  expect(pages.flatMap(linksOf).length).toBeGreaterThan(50);
  expect(pages.flatMap(filesNamedIn).length).toBeGreaterThan(15);
});

test.each(pages)("%s links only to files and headings that exist", (page) => {
  expect(linksOf(page).filter((link) => isDead(page, link))).toEqual([]);
});

test.each(pages)("%s names only files that exist", (page) => {
  expect(filesNamedIn(page).filter((path) => !isThere(path))).toEqual([]);
  expect(sourcesNamedIn(page).filter((name) => !sources.has(name))).toEqual([]);
});
