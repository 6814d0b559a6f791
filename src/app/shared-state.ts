/** What replicas share, and this one's view of it: storage, keys, and the revocations that it follows. */
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

/** The shared state of a running server. */
export interface SharedState {
  readonly storage: Storage;
  readonly keys: Keys;
  /** This replica's view of what is revoked, filled by following the log. */
  readonly table: RevocationTable;
  /** The same for those who follow this replica. */
  readonly feed: RevocationFeed;
  readonly revokeEventually: RevokeEventually;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
}

/** Opens all of it, and adds its closing to the teardown. Throws as `openKeys` does. */
export async function openSharedState(
  options: { readonly config: Config; readonly clock: Clock; readonly logger: Logger },
  teardown: Teardown,
): Promise<SharedState> {
  const { logger } = options;
  const stop = new AbortController();
  const stopping = stop.signal;
  // The key ring lives in the storage, whose revocations are authenticated by a key of the ring.
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
  // Here and not at the end, so that a start that fails later does not wait for a follower that nobody stops.
  teardown.defer(() => stop.abort());
  const revokeEventually = createEventualRevocation({
    log: storage.revocations,
    delay: (ms) => sleep(ms, undefined, { signal: stopping, ref: false }).catch(() => {}),
    signal: stopping,
    onFailure: (error) => logger.warn("a revocation is not stored yet", { err: error }),
  });
  return { storage, keys, table, feed, revokeEventually, stopping };
}

/** Whether keys outlive a restart, in files or in Vault, and what was revoked does not. */
function forgetsRevocations({ redis, keys }: Config): boolean {
  return redis === undefined && (keys.files.length > 0 || keys.vault !== undefined);
}

/** Ends the sessions that began before this start: nobody knows any more which of them were revoked. */
async function endFormerSessions(log: RevocationLog): Promise<void> {
  await log.publish({ kind: "everything", notBefore: 0, expiresAt: log.lastSessionEnd() }, undefined);
}
