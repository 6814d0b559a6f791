/**
 * Shared state in Redis: one server, Sentinels or a cluster. Owns the connections. While Redis is away calls fail
 * within 300 ms; nothing else does.
 */
import { randomBytes } from "node:crypto";
import { type Clock, SECOND } from "../../time/clock.js";
import type { StoreMac } from "../../crypto/store-mac.js";
import type { FamilyPolicy } from "../refresh-families.js";
import type { Log } from "../../oauth/log.js";
import type { Storage } from "../storage.js";
import { createRedisActivity } from "./activity.js";
import { ClockOffset } from "./clock-offset.js";
import { RedisFailedLogins } from "./failed-logins.js";
import { createRedisKeyRingStore } from "./key-ring-store.js";
import { createRedisKeys } from "./keys.js";
import { createRedisLease } from "./lease.js";
import { RedisCaller } from "./redis-caller.js";
import { openLink, whenReady } from "./redis-link.js";
import type { RedisLink, RedisSettings } from "./redis-link.js";
import { RedisMonitor } from "./redis-monitor.js";
import { RedisStatus } from "./redis-status.js";
import { createRedisFamilies } from "./refresh-families.js";
import { createRedisReplays } from "./replays.js";
import { RedisRevocationLog } from "./revocation-log.js";
import type { ScriptNow } from "./script-now.js";

/** How long a start waits for the first connection, in milliseconds. */
const START_MS = 2000;

export interface RedisStorageDependencies {
  readonly settings: RedisSettings;
  readonly clock: Clock;
  readonly familyPolicy: FamilyPolicy;
  readonly sessionTtlMs: number;
  readonly log: Log;
  /** Authenticates revocations. Throws `temporarily_unavailable` until the key ring is loaded. */
  readonly revocationMac: StoreMac;
  /** In tests: the time that scripts take instead of Redis TIME. */
  readonly scriptNow?: Clock;
  /** In tests of other things: a longer deadline for a busy machine. Otherwise 280. */
  readonly deadlineMs?: number;
  /** In tests: the interval of heartbeats. Otherwise a second. */
  readonly beatMs?: number;
}

/**
 * Connects, and resolves once Redis answered and was checked (`health().warnings`), or after 2 s without it: a replica
 * may start while Redis is away. Rejects only for settings that cannot work, such as a TLS file that is not there.
 */
export async function createRedisStorage(needs: RedisStorageDependencies): Promise<Storage> {
  const { settings, clock, familyPolicy, sessionTtlMs, log, beatMs = SECOND } = needs;
  const now: ScriptNow = () => needs.scriptNow?.() ?? "";
  const keys = createRedisKeys(settings.prefix);
  const closing = new AbortController();
  const status = new RedisStatus({ log });
  const link = openLink(settings, "request", closing.signal, status);
  const redis = new RedisCaller({ link, status, deadlineMs: needs.deadlineMs });
  const monitor = new RedisMonitor({ redis, status, log, keys });
  const failedLogins = new RedisFailedLogins({ redis, keys, log, replica: newName() });
  const openTail = (ended: AbortSignal): RedisLink => openLink(settings, "tail", ended);
  const close = async (): Promise<void> => {
    closing.abort();
    failedLogins.close();
  };

  await whenReady(link, START_MS);
  await monitor.probe();
  void monitor.run(closing.signal);
  const offset = new ClockOffset();
  const time = { clock, offset, now, beatMs, sessionTtlMs };
  const needsOfLog = {
    redis,
    keys,
    mac: needs.revocationMac,
    ...time,
    log,
    newEpoch: newName,
    openTail,
    closing: closing.signal,
  };
  const revocations = new RedisRevocationLog(needsOfLog);
  return {
    families: createRedisFamilies({ redis, keys, policy: familyPolicy, now }),
    revocations,
    keyRing: createRedisKeyRingStore({ redis, keys, log, closing: closing.signal }),
    lease: createRedisLease({ redis, keys, now }),
    replays: createRedisReplays({ redis, keys, clock }),
    failedLogins,
    activity: createRedisActivity({ redis, keys, now }),
    now: () => offset.corrected(clock()),
    clockOffsetMs: () => offset.ms,
    health: () => ({
      state: status.isUp ? "up" : "down",
      trouble: status.trouble,
      memoryUsed: monitor.memoryUsed,
      failedCalls: redis.failedCalls,
      tamperedRevocations: revocations.tampered,
      warnings: monitor.warnings,
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Names a replica, or an epoch of the log. */
function newName(): string {
  return randomBytes(6).toString("base64url");
}
