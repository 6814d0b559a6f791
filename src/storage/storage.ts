/**
 * All ports of shared state together, as the composition root gets them: `memory/memory-storage.ts` for one replica,
 * `redis/redis-storage.ts` for several. Neither client_credentials nor the
 * refresh by exchange of an Iceberg client may await a port.
 */
import type { Activity } from "./activity.js";
import type { FailedLogins } from "./failed-logins.js";
import type { KeyRingStore } from "./key-ring-store.js";
import type { Lease } from "./lease.js";
import type { RefreshFamilies } from "./refresh-families.js";
import type { Replays } from "./replays.js";
import type { RevocationLog } from "./revocation-log.js";

/**
 * What keeps the store from its work. It answers, but refuses writes (`full`, `read_only`), some commands
 * (`not_permitted`, `refuses`); or not at all: the login (`login_rejected`), the name (`unknown_host`), TLS (`tls_failed`), the
 * connection (`refused`); it loads or fails over (`not_ready`), says nothing (`silent`), or anything else (`away`).
 */
export const TROUBLES = [
  "full",
  "read_only",
  "not_permitted",
  "refuses",
  "login_rejected",
  "unknown_host",
  "tls_failed",
  "refused",
  "not_ready",
  "silent",
  "away",
] as const;
export type TroubleKind = (typeof TROUBLES)[number];

export interface StorageTrouble {
  readonly kind: TroubleKind;
  /** The store's own words, or those of the failed connection. */
  readonly reason: string;
}

/** Whether the store answers. A replica whose store is down goes on issuing, degraded. */
export interface StorageHealth {
  readonly state: "up" | "down";
  /** Undefined while the store does all its work. */
  readonly trouble: StorageTrouble | undefined;
  /** The share of its memory limit that the store uses, of the fullest server; undefined without a limit. */
  readonly memoryUsed: number | undefined;
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
  readonly activity: Activity;
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
