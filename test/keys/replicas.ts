/** Replicas that share one ring through one store, with a clock that stands still until it is moved. */
import { randomBytes } from "node:crypto";
import { DAY, HOUR, MINUTE } from "../../src/time/clock.js";
import { stateUnavailable } from "../../src/oauth/error.js";
import type { Log } from "../../src/oauth/log.js";
import { createRingCacheFile } from "../../src/keys/ring-cache-file.js";
import type { RotationPolicy } from "../../src/keys/rotation.js";
import { createSealing } from "../../src/keys/sealing.js";
import { createSharedKeyRing, type SharedKeyRing, type SharedKeyRingOptions } from "../../src/keys/shared-key-ring.js";
import type { KeyRingStore, SealedRing } from "../../src/storage/key-ring-store.js";
import type { Lease } from "../../src/storage/lease.js";
import { createMemoryKeyRingStore } from "../../src/storage/memory/key-ring-store.js";
import { createMemoryLease } from "../../src/storage/memory/lease.js";
import { quietLog } from "../support/quiet-log.js";

export const policy: RotationPolicy = {
  rotateEveryMs: 30 * DAY,
  publishAheadMs: 15 * MINUTE,
  accessTtlMs: HOUR,
  sessionTtlMs: DAY,
};

export const sealingKey = randomBytes(32);

/** A line that a replica logged. */
interface Line {
  readonly level: "info" | "warn";
  readonly message: string;
  readonly reason: string;
}

/** Options of one replica; the rest is shared. */
export type ReplicaOptions = Partial<Pick<SharedKeyRingOptions, "policy" | "algorithm" | "clock" | "wait">> & {
  readonly sealingKeys?: readonly Buffer[];
  readonly cachePath?: string;
};

/** A store that can go away and be set back. */
export function sharedStore(startedAt = 1_000_000) {
  const time = { now: startedAt };
  const clock = () => time.now;
  const lease = createMemoryLease({ clock });
  let backing = createMemoryKeyRingStore({ lease });
  const state = { away: false, lines: [] as Line[], written: [] as SealedRing[] };
  const whenThere = async <T>(call: () => Promise<T>): Promise<T> => {
    if (state.away) throw stateUnavailable();
    return call();
  };
  const store: KeyRingStore = {
    read: () => whenThere(() => backing.read()),
    replace: (expected, next, fence) =>
      whenThere(async () => {
        const replaced = await backing.replace(expected, next, fence);
        if (replaced) state.written.push(next);
        return replaced;
      }),
    watch() {},
  };
  const leaseOverStore: Lease = {
    hold: (holder, ttlMs) => whenThere(() => lease.hold(holder, ttlMs)),
    release: (holder) => whenThere(() => lease.release(holder)),
  };
  let replicas = 0;
  return {
    time,
    state,
    store,
    lease: leaseOverStore,
    /** Puts the store back to an earlier value, or to none, as a failover does. */
    async setBack(ring: SealedRing | undefined): Promise<void> {
      backing = createMemoryKeyRingStore({ lease });
      if (ring !== undefined) await backing.replace(0, ring);
    },
    replica(options: ReplicaOptions = {}): Promise<SharedKeyRing> {
      replicas += 1;
      const keys = options.sealingKeys ?? [sealingKey];
      const sealing = createSealing({ keys, purpose: "key ring", context: "test" });
      const cacheSealing = createSealing({ keys, purpose: "key ring cache", context: "test" });
      return createSharedKeyRing({
        store,
        lease: leaseOverStore,
        sealing,
        policy: options.policy ?? policy,
        algorithm: "algorithm" in options ? options.algorithm : "ES256",
        clock: options.clock ?? clock,
        replicaId: `replica-${replicas}`,
        log: { ...quietLog, info: into(state.lines, "info"), warn: into(state.lines, "warn") },
        cacheFile:
          options.cachePath === undefined
            ? undefined
            : createRingCacheFile({ path: options.cachePath, sealing: cacheSealing, clock, maxAgeMs: DAY }),
        wait:
          options.wait ??
          (async (ms) => {
            time.now += ms;
          }),
      });
    },
  };
}

function into(lines: Line[], level: Line["level"]): Log["warn"] {
  return (message, fields) => {
    const error = fields?.["err"];
    lines.push({ level, message, reason: error instanceof Error ? error.message : "" });
  };
}
