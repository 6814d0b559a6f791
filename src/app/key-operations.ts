/** Publishes the revocation of a key. The key ring itself must not know the revocation log. */
import type { KeyOperations } from "../keys/key-operations.js";
import type { RevocationLog } from "../storage/revocation-log.js";

/**
 * The same operations, except that a revoked key is published as well. Every follower then rejects its tokens at once.
 * The entry lasts as long as a session that began under the key could last.
 */
export function announcingKeys(
  ring: KeyOperations,
  log: Pick<RevocationLog, "publish" | "lastSessionEnd">,
): KeyOperations {
  return {
    list: () => ring.list(),
    rotate: () => ring.rotate(),
    async revoke(kid) {
      await ring.revoke(kid);
      await log.publish({ kind: "key", kid, expiresAt: log.lastSessionEnd() }, undefined);
    },
  };
}
