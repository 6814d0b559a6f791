/**
 * Chooses the source of signing keys by the settings: files, Vault, Redis or memory. Its users see one ring in each
 * case.
 */
import { randomBytes } from "node:crypto";
import type { Config } from "../config/config.js";
import { createFileKeyRing, type OutsideKeyRing } from "../keys/file-key-ring.js";
import type { KeyOperations } from "../keys/key-operations.js";
import type { KeyRing } from "../keys/key-ring.js";
import { layerKeyRings } from "../keys/layered-key-ring.js";
import { createMemoryKeyRing } from "../keys/memory-key-ring.js";
import { createRingCacheFile } from "../keys/ring-cache-file.js";
import { type RotationPolicy, recognisedMs } from "../keys/rotation.js";
import { createSealing } from "../keys/sealing.js";
import { type SharedKeyRing, createSharedKeyRing } from "../keys/shared-key-ring.js";
import { createVaultKeyRing } from "../keys/vault-key-ring.js";
import { createVaultTransit } from "../keys/vault-transit.js";
import type { Clock } from "../time/clock.js";
import type { Storage } from "../storage/storage.js";
import type { Logger } from "../telemetry/logger.js";

export interface Keys {
  readonly ring: KeyRing & KeyOperations;
  /** Whether there is a key to sign with. */
  loaded(): boolean;
  /** Milliseconds since the shared ring was last confirmed. 0 without a shared ring. */
  ageMs(): number;
  close(): Promise<void>;
}

export interface KeysDependencies {
  readonly config: Pick<Config, "keys" | "tokens" | "redis">;
  readonly storage: Pick<Storage, "keyRing" | "lease">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Rejects if there can be no keys. The message is one line that says what to do. */
export async function openKeys(dependencies: KeysDependencies): Promise<Keys> {
  const { config, clock } = dependencies;
  const policy: RotationPolicy = {
    rotateEveryMs: config.keys.rotateEveryMs,
    publishAheadMs: config.keys.publishAheadMs,
    accessTtlMs: config.tokens.accessTtlMs,
    sessionTtlMs: config.tokens.sessionTtlMs,
  };
  const { files, vault, algorithm } = config.keys;
  const outside = files.length > 0 ? openFiles(dependencies, policy) : vault && openVault(vault, dependencies, policy);
  const top = await outside;
  const shared = config.redis && (await openShared(dependencies, policy, top !== undefined));
  if (top === undefined) return shared ?? inMemory(algorithm, policy, clock);
  top.start();
  const macKey = randomBytes(32);
  return {
    ring: shared === undefined ? { ...top, macKey: () => macKey } : layerKeyRings(top, shared.ring),
    loaded: () => shared?.loaded() ?? true,
    ageMs: () => shared?.ageMs() ?? 0,
    async close() {
      await top.close();
      await shared?.close();
    },
  };
}

function openFiles({ config, clock, logger }: KeysDependencies, policy: RotationPolicy): Promise<OutsideKeyRing> {
  const { files, algorithm } = config.keys;
  return createFileKeyRing({ paths: files, algorithm, policy, clock, log: logger });
}

function openVault(
  vault: NonNullable<Config["keys"]["vault"]>,
  { config, clock, logger }: KeysDependencies,
  policy: RotationPolicy,
): Promise<OutsideKeyRing> {
  const transit = createVaultTransit({ ...vault, fetch, clock });
  return createVaultKeyRing({ transit, algorithm: config.keys.algorithm, policy, clock, log: logger });
}

function inMemory(algorithm: Config["keys"]["algorithm"], policy: RotationPolicy, clock: Clock): Keys {
  const ring = createMemoryKeyRing({ algorithm, policy, clock });
  return { ring, loaded: () => true, ageMs: () => 0, close: async () => {} };
}

async function openShared(
  { config, storage, clock, logger }: KeysDependencies,
  policy: RotationPolicy,
  macKeyOnly: boolean,
): Promise<Keys> {
  const { sealingKeys, cacheFile, algorithm } = config.keys;
  const context = config.redis?.prefix ?? "";
  const ring: SharedKeyRing = await createSharedKeyRing({
    store: storage.keyRing,
    lease: storage.lease,
    sealing: createSealing({ keys: sealingKeys, purpose: "key ring", context }),
    policy,
    algorithm: macKeyOnly ? undefined : algorithm,
    clock,
    replicaId: randomBytes(8).toString("hex"),
    log: logger,
    ...(cacheFile !== undefined && {
      cacheFile: createRingCacheFile({
        path: cacheFile,
        sealing: createSealing({ keys: sealingKeys, purpose: "key ring cache", context }),
        clock,
        maxAgeMs: recognisedMs(policy),
      }),
    }),
  });
  ring.start();
  return { ring, loaded: () => ring.loaded(), ageMs: () => ring.ageMs(), close: () => ring.close() };
}
