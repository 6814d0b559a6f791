import type { AdminServer } from "./admin.js";
import type { DrainTimes } from "./port-lifetime.js";
import type { Server } from "./server.js";

/** What goes down, in this order. */
export interface ShutdownOptions {
  readonly server: Server;
  readonly admin: AdminServer;
  readonly times: DrainTimes;
  /** What must run as long as requests do: stores, the revocation log, the audit's last lines. */
  readonly afterwards: () => Promise<void>;
}

/**
 * SIGTERM's sequence. Readiness fails at once (`server.accepting()`); the main port serves on until balancers have noticed,
 * then tells its connections to go elsewhere, finishes what is in flight and is cut at the end of the grace; then the
 * rest. The admin port answers until the end, so that the kubelet and Prometheus see it happen.
 */
export async function shutDown({ server, admin, times, afterwards }: ShutdownOptions): Promise<void> {
  await server.drain(times);
  await afterwards();
  await admin.close();
}
