/** The Markdown files of the repository, as GitHub reads them. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../support/tool.js";

/** Paths from the root of the repository. */
export const pages: readonly string[] = globSync("**/*.md", {
  cwd: projectRoot,
  exclude: ["**/node_modules", "**/out", "dist", "coverage"],
}).toSorted();

export function readPage(path: string): string {
  return readFileSync(join(projectRoot, path), "utf8");
}

/** A page without its code blocks, in which `#` begins a comment and brackets are code. */
export function proseOf(page: string): string {
  return readPage(page).replace(/^( *)```[^]*?^\1```$/gm, "");
}

/** The anchors that GitHub gives to the headings of a page. */
export function anchorsOf(page: string): ReadonlySet<string> {
  const taken = new Map<string, number>();
  const anchors = [...proseOf(page).matchAll(/^#+ +(.*)$/gm)].map(([, heading = ""]) => {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = words.replaceAll(/[^\p{L}\p{N}_\- ]/gu, "").replaceAll(" ", "-");
    const before = taken.get(anchor) ?? 0;
    taken.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
  return new Set(anchors);
}
