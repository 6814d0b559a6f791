/** The result: a Markdown table, and its place in the documentation. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Counts, Summary } from "./summary.js";

export interface Row {
  readonly title: string;
  readonly balancer: string;
  readonly summary: Summary;
  /** Broken promises of the history, and required outcomes that were missed. */
  readonly complaints: readonly string[];
  /** How many of them are broken promises. */
  readonly breaches: number;
  readonly noiseMs: number;
}

const BEGIN = "<!-- measured: begin -->";
const END = "<!-- measured: end -->";

const HEAD = [
  "what happens",
  "before it",
  "tokens: asked",
  "refused",
  "longest without",
  "slowest",
  "with Redis: asked",
  "refused",
  "longest without",
  "slowest",
  "sessions lost",
  "resets",
  "noise",
  "promises",
];

export function table(rows: readonly Row[]): string {
  const lines = rows.map(({ title, balancer, summary, complaints, noiseMs }) => [
    title,
    balancer,
    ...cellsOf(summary.stateless),
    ...cellsOf(summary.stateful),
    String(summary.lost),
    String(summary.resets),
    time(noiseMs),
    complaints.length === 0 ? "kept" : "**broken**",
  ]);
  return aligned([HEAD, HEAD.map(() => "---"), ...lines]);
}

/** Writes the table into the document, between its marks. */
export function writeInto(file: string, text: string): void {
  const document = readFileSync(file, "utf8");
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (from === -1 || to < from) throw new Error(`${file} has no marks`);
  writeFileSync(file, `${document.slice(0, from)}${BEGIN}\n\n${text}\n\n${document.slice(to)}`);
}

function cellsOf(counts: Counts): readonly string[] {
  const refused = Object.entries(counts.refused).map(([how, count]) => `${count} (${how})`);
  return [String(counts.requests), refused.join(", ") || "0", time(counts.longestOutageMs), time(counts.slowestMs)];
}

function time(ms: number): string {
  if (ms === 0) return "-";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0, cell === "---" ? "-" : " ")).join(" | ");
  return rows.map((row) => `| ${line(row)} |`).join("\n");
}
