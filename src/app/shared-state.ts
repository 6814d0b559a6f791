/**
 * Owns the state that replicas share, and this replica's view of it: storage, keys and followed revocations. It fixes
 * the order in which they open and close. It must not know who uses them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.js";
import { createStoreMac } from "../crypto/store-mac.js";
import type { KeyRing } from "../keys/key-ring.js";
import { stateUnavailable } from "../oauth/error.js";
import type { Clock } from "../time/clock.js";
import type { RevocationLog } from "../storage/revocation-log.js";
import type { Storage } from "../storage/storage.js";
import type { Logger } from "../telemetry/logger.js";
import { type RevokeEventually, createEventualRevocation } from "../revocations/eventual.js";
import { RevocationFeed } from "../revocations/feed.js";
import { RevocationTable } from "../revocations/table.js";
import { type Keys, openKeys } from "./key-ring.js";
import { openStorage } from "./storage.js";
import type { Teardown } from "./teardown.js";

export interface SharedState {
  readonly storage: Storage;
  readonly keys: Keys;
  /** This replica's view of the revocations. It follows the log. */
  readonly table: RevocationTable;
  /** The same view for the followers of this replica. */
  readonly feed: RevocationFeed;
  readonly revokeEventually: RevokeEventually;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
}

/** Adds each closing to the teardown. Rejects as `openKeys` does. */
export async function openSharedState(
  options: { readonly config: Config; readonly clock: Clock; readonly logger: Logger },
  teardown: Teardown,
): Promise<SharedState> {
  const { logger } = options;
  const stop = new AbortController();
  const stopping = stop.signal;
  // A circle: the key ring is in the storage, and a key of the ring authenticates the revocations of the storage.
  let ring: KeyRing | undefined;
  const macKey = (): Buffer => {
    if (ring === undefined) throw stateUnavailable(new Error("the key ring is not loaded"));
    return ring.macKey();
  };
  const revocationMac = createStoreMac({ macKey }, "revocation");
  const storage = teardown.use(await openStorage({ ...options, revocationMac }), (opened) => opened.close());
  const keys = teardown.use(await openKeys({ ...options, storage }), (opened) => opened.close());
  ring = keys.ring;
  const table = new RevocationTable({ clock: () => storage.now() });
  const feed = new RevocationFeed({ table });
  const following = storage.revocations.follow(feed, stopping);
  teardown.defer(() => following);
  if (forgetsRevocations(options.config)) await endFormerSessions(storage.revocations);
  // Deferred here and not at the end: a start that fails later must not wait for a follower that nobody stops.
  teardown.defer(() => stop.abort());
  const revokeEventually = createEventualRevocation({
    log: storage.revocations,
    delay: (ms) => sleep(ms, undefined, { signal: stopping, ref: false }).catch(() => {}),
    signal: stopping,
    onFailure: (error) => logger.warn("a revocation is not stored yet", { err: error }),
  });
  return { storage, keys, table, feed, revokeEventually, stopping };
}

/** Whether keys outlive a restart, in files or in Vault, and revocations do not. */
function forgetsRevocations({ redis, keys }: Config): boolean {
  return redis === undefined && (keys.files.length > 0 || keys.vault !== undefined);
}

/** Ends the sessions that began before this start. Nobody knows which of them were revoked. */
async function endFormerSessions(log: RevocationLog): Promise<void> {
  await log.publish({ kind: "everything", notBefore: 0, expiresAt: log.lastSessionEnd() }, undefined);
}
