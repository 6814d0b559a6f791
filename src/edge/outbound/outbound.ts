/** The outbound half: joins its parts. */
import { credentialOf } from "../../client/credential.js";
import { connectTransport } from "../../verifier/connect-transport.js";
import type { EdgeDependencies } from "../edge.js";
import { guarded } from "../guarded.js";
import { identityOf } from "../identity.js";
import { listen, type Listener } from "../listener.js";
import type { EdgePart } from "../part.js";
import type { EdgeSettings, OutboundSettings } from "../settings/settings.js";
import { createEngineSecret } from "./engine-secret.js";
import { requestExchange } from "./exchange-request.js";
import { Exchanges } from "./exchanges.js";
import { EntryFiles } from "./entry-files.js";
import { createLocalEndpoint } from "./local-endpoint.js";
import { openLines } from "./open-lines.js";
import { OutboundCounts } from "./outbound-counts.js";
import { reasonOf } from "../reason.js";
import { createRequestGuard } from "./request-guard.js";
import { RevocationWatch, type GivenToken } from "./revocation-watch.js";
import { holdingOf } from "./token-holding.js";

export async function startOutbound(
  settings: EdgeSettings,
  outbound: OutboundSettings,
  dependencies: EdgeDependencies,
): Promise<EdgePart> {
  const { clock, logger, transport = connectTransport(settings.server, undefined) } = dependencies;
  const counts = new OutboundCounts();
  const credential = credentialOf(identityOf(settings, clock));
  const endpoint = { url: settings.server + settings.tokenPath };
  const watch = new RevocationWatch({
    ...dependencies,
    transport,
    credential,
    onRevocations() {
      lines.dropRevoked();
      exchanges.dropRevoked();
    },
    onProblem(error, isWithout) {
      if (isWithout) logger.warn("revocations are not followed", { reason: reasonOf(error) });
      else logger.debug("the stream of revocations ended", { reason: reasonOf(error) });
    },
  });
  const isRevoked = (token: GivenToken): boolean => watch.isRevoked(token);
  const files = new EntryFiles(outbound.tokens, dependencies);
  const lines = openLines(outbound.tokens, { ...dependencies, endpoint, credential, isRevoked, files, counts });
  const exchanges = new Exchanges({
    ...dependencies,
    isRevoked,
    request: (form, signal) => requestExchange(endpoint, credential, form, { clock, signal }),
  });
  const handler = createLocalEndpoint({
    guard: createRequestGuard(outbound.hosts),
    engineSecret: createEngineSecret(outbound.secretFile),
    lines,
    exchanges,
    clock,
    onAnswer: (grant, answer) => counts.answered(grant, answer),
  });
  let listener: Listener | undefined;
  const close = async (): Promise<void> => {
    await Promise.all([listener?.close(), lines.close(), exchanges.close(), watch.close(), files.close()]);
  };
  try {
    listener = outbound.listen && (await listen(outbound.listen, guarded(handler, logger)));
  } catch (error) {
    await close();
    throw error;
  }
  for (const { line } of lines.entries) line.start();
  return {
    addresses: listener === undefined ? {} : { outbound: listener.address },
    holdings: () => lines.entries.map((entry) => holdingOf(entry, files.isWritten(entry.name), clock())),
    metrics: counts.metrics({ lines, exchanges, clock }),
    drain: async (graceMs) => await listener?.drain(graceMs),
    close,
  };
}
