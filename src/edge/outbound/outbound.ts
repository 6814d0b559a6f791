/** The outbound half: joins its parts. */
import { credentialOf } from "../../client/credential.js";
import { requestToken } from "../../client/token-endpoint.js";
import { tokenForm, type TokenParameters } from "../../client/token-form.js";
import { SECOND } from "../../time/clock.js";
import type { EdgeDependencies } from "../edge.js";
import { guarded } from "../guarded.js";
import { identityOf } from "../identity.js";
import { listen } from "../listener.js";
import type { EdgePart, Holding } from "../part.js";
import type { EdgeSettings, OutboundSettings } from "../settings/settings.js";
import { createEngineSecret } from "./engine-secret.js";
import { createLocalEndpoint } from "./local-endpoint.js";
import { OutboundCounts } from "./outbound-counts.js";
import { createRequestGuard } from "./request-guard.js";
import { TokenLine } from "./token-line.js";
import { TokenLines, type NamedLine } from "./token-lines.js";

export async function startOutbound(
  settings: EdgeSettings,
  outbound: OutboundSettings,
  dependencies: EdgeDependencies,
): Promise<EdgePart> {
  const { clock, logger } = dependencies;
  const counts = new OutboundCounts();
  const credential = credentialOf(identityOf(settings, clock));
  const endpoint = { url: settings.server + settings.tokenPath };

  function openLine(name: string, parameters: TokenParameters, isEntry: boolean): TokenLine {
    return new TokenLine(
      {
        ...dependencies,
        request: async (signal) => {
          const form = tokenForm(parameters, await credential(signal));
          return await requestToken(endpoint, form, { clock, signal });
        },
        isRevoked: () => false,
        onToken: ({ expiresAt }) => logger.info("a token came", { token: name, for_s: secondsTo(expiresAt, clock()) }),
        onGone: () => logger.error("a token is over, and the token service gives no other", { token: name }),
        onFailure: (error) => {
          counts.renewalFailed(name);
          logger.warn("no token came", { token: name, err: error });
        },
      },
      { isEntry },
    );
  }

  const lines = new TokenLines({
    entries: outbound.tokens,
    openEntry: ({ name, scope, audience, resource }) =>
      openLine(name, { ...(scope !== undefined && { scope }), audience, resource }, true),
    openCombination: ({ scope, audience, resource }) =>
      openLine("other", { ...(scope.length > 0 && { scope: scope.join(" ") }), audience, resource }, false),
  });
  const handler = createLocalEndpoint({
    guard: createRequestGuard(outbound.hosts),
    engineSecret: createEngineSecret(outbound.secretFile),
    lines,
    clock,
    onAnswer: (grant, answer) => counts.answered(grant, answer),
  });
  const listener = outbound.listen && (await listen(outbound.listen, guarded(handler, logger)));
  for (const { line } of lines.entries) line.start();
  return {
    addresses: listener === undefined ? {} : { outbound: listener.address },
    holdings: () => lines.entries.map((entry) => holdingOf(entry, clock())),
    metrics: counts.metrics(lines, clock),
    drain: async (graceMs) => await listener?.drain(graceMs),
    async close() {
      await Promise.all([listener?.close(), lines.close()]);
    },
  };
}

function secondsTo(instant: number, now: number): number {
  return Math.floor((instant - now) / SECOND);
}

function holdingOf({ name, line }: NamedLine, now: number): Holding {
  const { live, failure } = line;
  const why = failure === undefined ? "" : `; last attempt failed: ${failure.message}`;
  if (live === undefined) return { name: `token ${name}`, state: "failing", detail: `none yet${why}` };
  const left = `live for ${secondsTo(live.expiresAt, now)}s`;
  return { name: `token ${name}`, state: failure === undefined ? "ok" : "degraded", detail: left + why };
}
