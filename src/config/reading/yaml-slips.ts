/**
 * Says what to change in a file that is no YAML: which line to move where, which name stands twice. It quotes names of
 * settings at most, since a value may be a secret.
 */
import type { YAMLError } from "yaml";

export interface Slip {
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;
}

/** Errors that a line in a wrong column causes, there or further down. */
const BY_INDENTATION: ReadonlySet<string> = new Set([
  "BAD_INDENT",
  "BLOCK_AS_IMPLICIT_KEY",
  "MULTILINE_IMPLICIT_KEY",
  "MISSING_CHAR",
]);

/** One slip for each error that is not the consequence of another. */
export function explainSlips(
  text: string,
  errors: readonly YAMLError[],
  lineOf: (offset: number) => number,
): readonly Slip[] {
  const lines = text.split(/\r?\n/);
  const moved = errors.some(({ code }) => BY_INDENTATION.has(code)) ? misplacedLine(lines) : undefined;
  const others = moved === undefined ? errors : errors.filter(({ code }) => !BY_INDENTATION.has(code));
  const slips = others.map((error): Slip => {
    const line = lineOf(error.pos[0]);
    return explain(error, line, lines);
  });
  return firstOfEachLine(moved === undefined ? slips : [moved, ...slips]);
}

/** The parser reports one slip several times. */
function firstOfEachLine(slips: readonly Slip[]): readonly Slip[] {
  const seen = new Set<number>();
  return slips.filter(({ line }) => !seen.has(line) && seen.add(line));
}

function explain({ code, message }: YAMLError, line: number, lines: readonly string[]): Slip {
  const here = lines[line - 1] ?? "";
  switch (code) {
    case "DUPLICATE_KEY":
      return { line, reason: twice(line, lines) };
    case "TAB_AS_INDENT":
      return { line, reason: "is indented by a tab: indent by spaces" };
    case "BAD_SCALAR_START":
      return { line, reason: "has a value that begins with one of @ ` %: put the value in quotes" };
    case "BAD_ALIAS":
      return { line, reason: "has a value that begins with * or &: put the value in quotes" };
    case "MULTIPLE_DOCS":
      return { line, reason: "begins a second document (---): one file holds one" };
    case "BLOCK_AS_IMPLICIT_KEY":
      return { line, reason: "has a second colon: put the value in quotes" };
    case "MULTILINE_IMPLICIT_KEY":
      return {
        line,
        reason: /^[\s-]*[\w-]+:\S/.test(here) ? "needs a space after the colon" : "needs a colon after the name",
      };
    default:
      return unclosed(message, lines) ?? { line, reason: code.toLowerCase().replaceAll("_", " ") };
  }
}

function unclosed(message: string, lines: readonly string[]): Slip | undefined {
  if (/quote/.test(message)) {
    const line = lines.findIndex((text) => (withoutComment(text).match(/"/g)?.length ?? 0) % 2 === 1) + 1;
    return { line: line || 1, reason: "opens a quotation mark that nothing closes" };
  }
  if (!/Flow|end with a/.test(message)) return undefined;
  const open: { readonly bracket: string; readonly line: number }[] = [];
  for (const [index, text] of lines.entries()) {
    for (const bracket of withoutQuoted(text).match(/[[\]{}]/g) ?? []) {
      if (bracket === "[" || bracket === "{") open.push({ bracket, line: index + 1 });
      else open.pop();
    }
  }
  const [first] = open;
  return first && { line: first.line, reason: `opens a ${first.bracket} that nothing closes` };
}

/** The name that stands twice in one mapping, and both lines. */
function twice(line: number, lines: readonly string[]): string {
  const [, before = "", name = ""] = /^((?:\s|- )*)([\w-]{1,40})\s*:/.exec(lines[line - 1] ?? "") ?? [];
  if (name === "" || name.startsWith("icm_")) return "has a name that stands in this mapping already";
  for (let at = line - 1; at >= 1; at -= 1) {
    const [, start = "", other] = /^((?:\s|- )*)([\w-]+)\s*:/.exec(lines[at - 1] ?? "") ?? [];
    if (other === name && start.length === before.length) {
      return `has ${name} a second time: it stands on line ${at} already. Remove one of them`;
    }
    if (other !== undefined && start.length < before.length) break;
  }
  return `has ${name} a second time in one mapping. Remove one of them`;
}

/** A block that is open: the column in which its lines begin, from 0, and the last of them. */
interface Block {
  readonly column: number;
  lastLine: number;
}

/** The first line that begins in no column of the blocks around it. Undefined if there is none, or none is sure. */
function misplacedLine(lines: readonly string[]): Slip | undefined {
  let open: Block[] = [];
  let depth = 0;
  let canNest = true;
  for (const [index, whole] of lines.entries()) {
    const text = withoutQuoted(withoutComment(whole));
    if (text.trim() === "" || /^(---|\.\.\.)/.test(text)) continue;
    if (depth === 0) {
      const slip = place(text, index + 1, open, canNest);
      if (slip !== undefined) return slip;
      open = blocksAfter(text, index + 1, open);
      if (/[|>][+-]?\s*$/.test(text)) return undefined; // lines of a block scalar have columns of their own
    }
    depth += count(text, /[[{]/g) - count(text, /[\]}]/g);
    canNest = /[:-]\s*$/.test(text);
  }
  return undefined;
}

function place(text: string, line: number, open: readonly Block[], canNest: boolean): Slip | undefined {
  const column = columnOf(text);
  const deepest = open.at(-1);
  // Any other line continues the string of the line before.
  if (!/^\s*(?:-(?:\s|$)|[^\s:]+\s*:(?:\s|$))/.test(text)) return undefined;
  if (deepest === undefined || open.some((block) => block.column === column)) return undefined;
  if (column > deepest.column && canNest) return undefined;
  const [nearest] = open.toSorted(
    (a, b) => Math.abs(a.column - column) - Math.abs(b.column - column) || b.column - a.column,
  );
  if (nearest === undefined) return undefined;
  const by = nearest.column - column;
  const where = by > 0 ? "right" : "left";
  const columns = `begins in column ${column + 1}, line ${nearest.lastLine} in column ${nearest.column + 1}`;
  return { line, reason: `${columns}: move it ${Math.abs(by)} to the ${where}` };
}

function blocksAfter(text: string, line: number, open: readonly Block[]): Block[] {
  const column = columnOf(text);
  const blocks = open.filter((block) => block.column <= column);
  const columns = [column];
  // A list item begins a mapping of its own, behind its dash.
  for (let rest = text.slice(column), at = column; /^-\s+\S/.test(rest);) {
    const step = /^-\s+/.exec(rest)?.[0].length ?? 0;
    at += step;
    rest = rest.slice(step);
    columns.push(at);
  }
  for (const each of columns) {
    const block = blocks.find((known) => known.column === each);
    if (block === undefined) blocks.push({ column: each, lastLine: line });
    else block.lastLine = line;
  }
  return blocks;
}

function columnOf(text: string): number {
  return text.length - text.trimStart().length;
}

function count(text: string, what: RegExp): number {
  return text.match(what)?.length ?? 0;
}

function withoutComment(text: string): string {
  return text.replace(/(^|\s)#.*$/, "");
}

function withoutQuoted(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, (quoted) => "x".repeat(quoted.length));
}
