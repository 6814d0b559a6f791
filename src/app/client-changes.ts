/** A reload ends the sessions of removed and disabled clients. This file has the rule and publishes nothing. */
import type { ClientSet } from "../clients/client-registry.js";
import type { Revocation, RevocationView } from "../oauth/revocation.js";
import type { RevocationLog } from "../storage/revocation-log.js";

/**
 * One revocation for each client that was served before the change and is not served after it. Every replica and every
 * verifier that follows the stream then rejects its tokens.
 */
export function revocationsOfChange(
  before: ClientSet,
  after: ClientSet,
  log: Pick<RevocationLog, "lastSessionEnd">,
  view: Pick<RevocationView, "latestStart">,
): readonly Revocation[] {
  const expiresAt = log.lastSessionEnd();
  const notBefore = view.latestStart("client", "");
  return [...before.byId.values()]
    .filter((client) => !client.disabled && (after.byId.get(client.id)?.disabled ?? true))
    .map(({ id }) => ({ kind: "client", clientId: id, notBefore, expiresAt }));
}
