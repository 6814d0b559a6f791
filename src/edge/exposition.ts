/**
 * The metrics of an edge in Prometheus' text format 0.0.4, without prom-client, whose code is 3 MiB of an idle process.
 */
import type { CollectedMetric } from "../telemetry/collected-metric.js";
import { SECOND } from "../time/clock.js";

export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function exposition(metrics: readonly CollectedMetric[]): string {
  return metrics.map(textOf).join("");
}

function textOf({ name, help, type, read }: CollectedMetric): string {
  const lines = read().map(({ value, labels = {} }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

/** What the operating system knows of this process, by the names that Prometheus' clients use. */
export function processMetrics(): readonly CollectedMetric[] {
  const startedAt = (Date.now() - process.uptime() * SECOND) / SECOND;
  return [
    single("process_cpu_seconds_total", "User and system CPU time.", "counter", cpuSeconds),
    single("process_resident_memory_bytes", "Resident memory.", "gauge", () => process.memoryUsage.rss()),
    single("process_start_time_seconds", "When the process started, since the epoch.", "gauge", () => startedAt),
  ];
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}

function single(name: string, help: string, type: "gauge" | "counter", read: () => number): CollectedMetric {
  return { name, help, type, read: () => [{ value: read() }] };
}
