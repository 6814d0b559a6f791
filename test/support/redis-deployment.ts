/** Replicas that share state, as the contract suites want them: in memory, or on a Redis under a random prefix. */
import { randomBytes } from "node:crypto";
import type { RedisSettings } from "../../src/config/config.js";
import { createStoreMac } from "../../src/crypto/store-mac.js";
import type { Clock } from "../../src/time/clock.js";
import { createMemoryStorage } from "../../src/storage/memory/memory-storage.js";
import { createRedisStorage } from "../../src/storage/redis/redis-storage.js";
import type { FamilyPolicy } from "../../src/storage/refresh-families.js";
import type { Log } from "../../src/oauth/log.js";
import type { Storage } from "../../src/storage/storage.js";
import { DAY } from "../../src/time/clock.js";

/** The policy of every suite. */
export const POLICY = { graceMs: 30_000, idleMs: 7_200_000 };

/** `session_ttl` of every suite that is not about it. */
const SESSION_TTL_MS = DAY;

const MAC_KEY = randomBytes(32);
/** Of every suite: replicas share the key. */
export const REVOCATION_MAC = createStoreMac({ macKey: () => MAC_KEY }, "revocation");

/** A log that keeps what it is told. */
export interface RecordedLog extends Log {
  readonly lines: readonly string[];
}

export function recordedLog(): RecordedLog {
  const lines: string[] = [];
  const record = (message: string, fields: object = {}): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return {
    lines,
    info: record,
    warn: record,
    fault: (place, error) => record(`fault in ${place}`, { error: String(error) }),
  };
}

/** Replicas that share state and a clock. */
export interface Deployment extends AsyncDisposable {
  /** One more replica; in memory there is only one. */
  replica(): Promise<Storage>;
}

export type Deploy = (clock: Clock) => Deployment;

export const deployInMemory: Deploy = (clock) => {
  const storage = createMemoryStorage({ clock, familyPolicy: POLICY, sessionTtlMs: SESSION_TTL_MS });
  return { replica: async () => storage, [Symbol.asyncDispose]: () => storage.close() };
};

/** Settings for one server, with a prefix of their own. */
export function singleSettings(url: string, more: Partial<RedisSettings> = {}): RedisSettings {
  const prefix = `test-${randomBytes(6).toString("hex")}`;
  return {
    topology: { kind: "single", url, urlFile: undefined },
    prefix,
    username: undefined,
    passwordFile: undefined,
    tls: undefined,
    ...more,
  };
}

type SentinelTopology = Extract<RedisSettings["topology"], { readonly kind: "sentinel" }>;

/** Sentinels without a password unless told otherwise. */
export function sentinelTopology(
  of: Pick<SentinelTopology, "hosts" | "master"> & Partial<SentinelTopology>,
): SentinelTopology {
  const { hosts, master, username, passwordFile, tls } = of;
  return { kind: "sentinel", hosts, master, username, passwordFile, tls };
}

/** How replicas on Redis are made. */
export interface RedisDeploymentOptions {
  readonly settings: RedisSettings;
  /** Without it scripts take Redis TIME. */
  readonly clock?: Clock;
  readonly log?: Log;
  readonly policy?: FamilyPolicy;
  readonly sessionTtlMs?: number;
  /** Whether calls have no longer than in production; otherwise they may wait for a busy machine. */
  readonly hasRealDeadline?: boolean;
}

/** Replicas on Redis. */
export function deployOnRedis(options: RedisDeploymentOptions): Deployment {
  const { settings, clock, log, policy, sessionTtlMs, hasRealDeadline } = options;
  const replicas: Storage[] = [];
  return {
    async replica() {
      const storage = await createRedisStorage({
        settings,
        clock: clock ?? Date.now,
        familyPolicy: policy ?? POLICY,
        sessionTtlMs: sessionTtlMs ?? SESSION_TTL_MS,
        log: log ?? recordedLog(),
        revocationMac: REVOCATION_MAC,
        ...(clock && { scriptNow: clock }),
        ...(hasRealDeadline !== true && { deadlineMs: 5000 }),
      });
      replicas.push(storage);
      return storage;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(replicas.map((storage) => storage.close()));
    },
  };
}
