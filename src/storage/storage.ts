/**
 * All ports of shared state together, as the composition root gets them: `memory/memory-storage.ts` for one replica,
 * `redis/redis-storage.ts` for several. Neither client_credentials nor the
 * refresh by exchange of an Iceberg client may await a port.
 */
import type { FailedLogins } from "./failed-logins.js";
import type { KeyRingStore } from "./key-ring-store.js";
import type { Lease } from "./lease.js";
import type { RefreshFamilies } from "./refresh-families.js";
import type { Replays } from "./replays.js";
import type { RevocationLog } from "./revocation-log.js";

/** Whether the store answers. A replica whose store is down goes on issuing, degraded. */
export interface StorageHealth {
  readonly state: "up" | "down";
  /** Calls that failed or timed out since the start. */
  readonly failedCalls: number;
  /** Revocations read that icemint did not write as they are. */
  readonly tamperedRevocations: number;
  /** Risks for the state, in full sentences for a person: eviction, no persistence, memory nearly full. */
  readonly warnings: readonly string[];
}

export interface Storage extends AsyncDisposable {
  readonly families: RefreshFamilies;
  readonly revocations: RevocationLog;
  readonly keyRing: KeyRingStore;
  readonly lease: Lease;
  readonly replays: Replays;
  readonly failedLogins: FailedLogins;
  /**
   * The time by the clock that all replicas share, in milliseconds: this replica's own, corrected if it is a second or
   * more off. For comparisons between replicas, never for `iat` and `exp`, which verifiers compare with true time.
   */
  now(): number;
  /** How far this replica's clock is ahead of the store's, in milliseconds; undefined where that is not known. */
  clockOffsetMs(): number | undefined;
  /** The last known state. Asks nobody. */
  health(): StorageHealth;
  /** Releases connections and timers. Calls in flight fail. */
  close(): Promise<void>;
}
