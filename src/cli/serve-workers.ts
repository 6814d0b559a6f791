/**
 * `icemint serve --workers N`: one process for each core, on one port. Every worker is a replica of its own, which shares
 * sessions with the others through Redis as replicas on other machines do. This process only keeps them running.
 */
import cluster, { type Worker } from "node:cluster";
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandContext } from "./command.js";

/** Tells a worker which one it is, from 0. Lower case: no setting is spelled like it. */
const INDEX_VARIABLE = "icemint_worker_index";

/** A worker that ends sooner than this after its start has met a fault that another start will not mend. */
const EARLIEST_END_MS = 5000;
const RESTART_AFTER_MS = 200;

/** Which worker this process is, from 0; undefined if it is none. */
export function workerIndex(env: CommandContext["env"]): number | undefined {
  const index = env[INDEX_VARIABLE];
  return cluster.isWorker && index !== undefined ? Number(index) : undefined;
}

/** Runs the workers until a signal ends them. Resolves with 0, or 1 if one could not start. */
export async function serveWorkers(count: number, context: CommandContext): Promise<number> {
  const stopping = new AbortController();
  const workers = new Map<number, Worker>();
  const serving = new Set<Worker>();
  const stop = (): void => {
    stopping.abort();
    tell("SIGTERM", workers.values()); // a second signal reaches the workers too, and ends them at once
  };
  context.onSignal("SIGTERM", stop);
  context.onSignal("SIGINT", stop);
  // One that does not serve yet has just read the settings, and may not even listen for signals.
  context.onSignal("SIGHUP", () => tell("SIGHUP", serving));

  /** Keeps one worker running; tells whether it ended in order. */
  async function keep(index: number): Promise<boolean> {
    for (;;) {
      const startedAt = performance.now();
      const worker = cluster.fork({ [INDEX_VARIABLE]: String(index) });
      workers.set(index, worker);
      worker.once("listening", () => serving.add(worker));
      const code = await new Promise<number | undefined>((resolve) => worker.once("exit", resolve));
      workers.delete(index);
      serving.delete(worker);
      if (stopping.signal.aborted) return code === 0;
      if (performance.now() - startedAt < EARLIEST_END_MS) {
        stop(); // it has said why
        return false;
      }
      context.stderr.write(`icemint: worker ${index} ended by itself and is started again\n`);
      await sleep(RESTART_AFTER_MS);
    }
  }

  const orderly = await Promise.all(Array.from({ length: count }, (_, index) => keep(index)));
  return orderly.every(Boolean) ? 0 : 1;
}

function tell(signal: "SIGTERM" | "SIGHUP", workers: Iterable<Worker>): void {
  for (const worker of workers) worker.process.kill(signal);
}
