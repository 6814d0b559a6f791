/** The inbound half: proxies ask whether a request may pass. It needs no answer of the server's for that. */
import type { Pause, Random } from "../../client/backoff.js";
import type { EdgeLogger } from "../lean-logger.js";
import { SECOND, type Clock } from "../../time/clock.js";
import { createVerifier, type Verifier } from "../../verifier/verifier.js";
import { identityOf } from "../identity.js";
import type { EdgePart, Holding } from "../part.js";
import type { EdgeSettings, InboundSettings } from "../settings/settings.js";
import { reasonOf } from "../reason.js";
import { Trouble } from "../trouble.js";
import { openDoors } from "./doors.js";
import { createVerdictCounts } from "./verdict-counts.js";

export interface InboundDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly pause: Pause;
  readonly logger: Pick<EdgeLogger, "debug" | "warn" | "error">;
}

/** Starts without the server; until its keys and revocations have come, nothing is allowed. */
export async function startInbound(
  settings: EdgeSettings,
  inbound: InboundSettings,
  { clock, random, pause, logger }: InboundDependencies,
): Promise<EdgePart> {
  const { issuer, audience, maxStalenessMs, whenStale } = inbound;
  const trouble = new Trouble(clock);
  const onProblem = (error: unknown): void => {
    const reason = reasonOf(error);
    const message = "the revocations or keys of the token service could not be read; trying again";
    if (trouble.isNews(reason)) logger.warn(message, { reason });
  };
  const options = { server: settings.server, issuer, audience, maxStalenessMs, whenStale, onProblem };
  const verifier = createVerifier({ ...options, ...identityOf(settings, clock) }, { clock, random, pause });
  const counts = createVerdictCounts();
  try {
    const doors = await openDoors(inbound, {
      verifier,
      onVerdict(asker, verdict) {
        counts.count(asker, verdict);
        if (!verdict.allowed) logger.debug("a request was refused", { asker, fault: verdict.refusal.fault });
      },
      onFault: (error) => logger.error("a request could not be judged: an error that nothing handled", { err: error }),
    });
    return {
      addresses: { ...doors.addresses },
      holdings: () => [viewOf(verifier, maxStalenessMs)],
      metrics: [
        counts.metric,
        {
          name: "icemint_edge_view_age_seconds",
          help: "Age of the view of the revocations. Absent before the first.",
          type: "gauge",
          read: () => ageSamples(verifier),
        },
      ],
      drain: (graceMs) => doors.close(graceMs),
      async close() {
        await doors.close(0);
        await verifier.close();
      },
    };
  } catch (error) {
    await verifier.close();
    throw error;
  }
}

function viewOf(verifier: Verifier, maxStalenessMs: number): Holding {
  const name = "revocations";
  const ageMs = verifier.staleness();
  const detail = Number.isFinite(ageMs) ? `known as of ${Math.round(ageMs / SECOND)} s ago` : "not loaded";
  if (!verifier.isReady()) return { name, state: "failing", detail };
  return { name, state: ageMs > maxStalenessMs ? "degraded" : "ok", detail };
}

function ageSamples(verifier: Verifier): { readonly value: number }[] {
  const ageMs = verifier.staleness();
  return Number.isFinite(ageMs) ? [{ value: ageMs / SECOND }] : [];
}
