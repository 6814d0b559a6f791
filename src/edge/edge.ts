/**
 * `icemint edge`: a process beside an engine or a service. Outbound, it keeps tokens and gives them to engines. Inbound,
 * it judges the tokens of requests. It is made of `icemint/client` and `icemint/verifier`, and knows no store and no
 * grant.
 */
import type { Transport } from "@connectrpc/connect";
import { realPause, type Pause, type Random } from "../client/backoff.js";
import type { CollectedMetric } from "../telemetry/collected-metric.js";
import type { EdgeLogger } from "./lean-logger.js";
import type { Clock } from "../time/clock.js";
import { createAdmin } from "./admin.js";
import { processMetrics } from "./exposition.js";
import { guarded } from "./guarded.js";
import { listen } from "./listener.js";
import { startInbound } from "./inbound/inbound.js";
import { startOutbound } from "./outbound/outbound.js";
import type { EdgePart, Holding } from "./part.js";
import type { EdgeSettings } from "./settings/settings.js";

export interface EdgeDependencies {
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly pause: Pause;
  readonly logger: EdgeLogger;
  /** How calls other than token requests go to the server. Default: Connect over HTTP/1.1. */
  readonly transport?: Transport;
}

export interface Edge {
  /** Where it listens, by name. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Not ready from now on. Resolves when the requests in flight are answered, or after `graceMs`, and all is closed. */
  drain(graceMs: number): Promise<void>;
}

/** The machine's own. */
export const realTime = { clock: Date.now, random: Math.random, pause: realPause } as const;

/** Starts without the server. Rejects if an address cannot be bound. */
export async function startEdge(settings: EdgeSettings, dependencies: EdgeDependencies): Promise<Edge> {
  const { logger } = dependencies;
  const parts: EdgePart[] = [];
  let isDraining = false;
  const draining: Holding = { name: "edge", state: "failing", detail: "draining" };
  try {
    if (settings.outbound !== undefined) parts.push(await startOutbound(settings, settings.outbound, dependencies));
    if (settings.inbound !== undefined) parts.push(await startInbound(settings, settings.inbound, dependencies));
    const metrics = [buildInfo(dependencies.version), ...processMetrics(), ...parts.flatMap((part) => part.metrics)];
    const holdings = (): readonly Holding[] => [
      ...(isDraining ? [draining] : []),
      ...parts.flatMap((part) => part.holdings()),
    ];
    const admin = await listen({ kind: "tcp", ...settings.admin }, guarded(createAdmin({ holdings, metrics }), logger));
    return {
      addresses: Object.assign({ admin: admin.address }, ...parts.map(({ addresses }) => addresses)),
      async drain(graceMs) {
        isDraining = true;
        await Promise.all(parts.map((part) => part.drain(graceMs)));
        await Promise.all([...parts.map((part) => part.close()), admin.close()]);
      },
    };
  } catch (error) {
    await Promise.all(parts.map((part) => part.close()));
    throw error;
  }
}

function buildInfo(version: string): CollectedMetric {
  return {
    name: "icemint_build_info",
    help: "Always 1; its label tells the version.",
    type: "gauge",
    read: () => [{ value: 1, labels: { version } }],
  };
}
