/** Chooses the storage by the settings: Redis or memory. Only this file imports the backends. */
import type { Config } from "../config/config.js";
import type { Clock } from "../time/clock.js";
import type { StoreMac } from "../crypto/store-mac.js";
import { createMemoryStorage } from "../storage/memory/memory-storage.js";
import type { Storage } from "../storage/storage.js";
import type { Logger } from "../telemetry/logger.js";

export async function openStorage({
  config: { redis, tokens },
  clock,
  logger,
  revocationMac,
}: {
  readonly config: Pick<Config, "redis" | "tokens">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly revocationMac: StoreMac;
}): Promise<Storage> {
  const familyPolicy = { graceMs: tokens.refreshGraceMs, idleMs: tokens.refreshIdleMs };
  const { sessionTtlMs } = tokens;
  if (redis === undefined) return createMemoryStorage({ clock, familyPolicy, sessionTtlMs });
  // A sixth of a start's CPU: only a server with a Redis pays for its client.
  const { createRedisStorage } = await import("../storage/redis/redis-storage.js");
  return createRedisStorage({ settings: redis, clock, familyPolicy, sessionTtlMs, log: logger, revocationMac });
}
