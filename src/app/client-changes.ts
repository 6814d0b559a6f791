/** What follows when the settings change: clients that are gone or disabled lose their sessions, everywhere. */
import type { ClientSet } from "../clients/client-registry.js";
import type { Revocation, RevocationView } from "../oauth/revocation.js";
import type { RevocationLog } from "../storage/revocation-log.js";

/**
 * The revocations that a change of clients calls for: one for each client that was served before and is not now, so
 * that every replica and every verifier that follows the stream refuses its tokens.
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
