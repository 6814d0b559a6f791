import { Registry, collectDefaultMetrics } from "prom-client";

/** The metrics of prom-client itself that are worth a series and follow Prometheus' naming rules. */
const KEPT: readonly string[] = [
  "process_cpu_user_seconds_total",
  "process_cpu_system_seconds_total",
  "process_cpu_seconds_total",
  "process_start_time_seconds",
  "process_resident_memory_bytes",
  "process_virtual_memory_bytes",
  "process_heap_bytes",
  "process_open_fds",
  "process_max_fds",
  "nodejs_heap_size_total_bytes",
  "nodejs_heap_size_used_bytes",
  "nodejs_external_memory_bytes",
  "nodejs_gc_duration_seconds",
  "nodejs_version_info",
];

const ONE_HOUR_MS = 3_600_000;

/** Adds what the operating system and Node know of this process. */
export function registerProcessMetrics(registry: Registry): void {
  const all = new Registry();
  // It measures the event loop as well, with a timer that wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register: all, eventLoopMonitoringPrecision: ONE_HOUR_MS });
  for (const name of KEPT) {
    const metric = all.getSingleMetric(name);
    if (metric !== undefined) registry.registerMetric(metric);
  }
}
