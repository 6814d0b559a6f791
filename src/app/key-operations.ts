/** Key operations that every replica and every follower hears of. */
import type { KeyOperations } from "../keys/key-operations.js";
import type { RevocationLog } from "../storage/revocation-log.js";

/**
 * The operations, with each revoked key published as well: its tokens are dead for everyone who follows, at once. The
 * key stays revoked for as long as a session that began under it could last.
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
