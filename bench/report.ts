/** The result as a table for people. */
import type { Measured } from "./measure.js";
import type { Spread } from "./statistics.js";

/** A Markdown table, one row for each workload. */
export function table(results: readonly Measured[]): string {
  const titles = new Map(results.map(({ id, title }) => [id, title]));
  const rows = results.map((result) => [
    result.title,
    result.requestsPerSecond.median.toFixed(0),
    result.cpuMicroseconds.median.toFixed(0),
    result.p50Ms.median.toFixed(1),
    result.p99Ms.median.toFixed(1),
    result.cpuRatio === undefined ? "1 (floor)" : spread(result.cpuRatio),
    result.rateRatio === undefined ? "" : spread(result.rateRatio),
    result.floor === undefined ? "" : (titles.get(result.floor) ?? ""),
  ]);
  const head = ["", "requests/s", "CPU us/request", "p50 ms", "p99 ms", "CPU ratio", "rate ratio", "against"];
  return aligned([head, head.map(() => "---"), ...rows]);
}

function spread({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ");
  return rows.map((row) => `| ${line(row)} |`).join("\n");
}
