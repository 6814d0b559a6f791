/**
 * Shared state for one replica, in its own memory: the default without Redis. A restart ends every session, and nothing
 * that was revoked comes back: the keys are gone as well, or the start revokes everything (`app/shared-state.ts`).
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../../time/clock.js";
import type { FamilyPolicy } from "../refresh-families.js";
import type { Storage } from "../storage.js";
import { createMemoryActivity } from "./activity.js";
import { createMemoryFailedLogins } from "./failed-logins.js";
import { createMemoryKeyRingStore } from "./key-ring-store.js";
import { createMemoryLease } from "./lease.js";
import { createMemoryFamilies } from "./refresh-families.js";
import { createMemoryReplays } from "./replays.js";
import { createMemoryRevocationLog } from "./revocation-log.js";

export function createMemoryStorage(needs: {
  readonly clock: Clock;
  readonly familyPolicy: FamilyPolicy;
  readonly sessionTtlMs: number;
}): Storage {
  const { clock, familyPolicy, sessionTtlMs } = needs;
  const lease = createMemoryLease({ clock });
  return {
    families: createMemoryFamilies({ clock, policy: familyPolicy }),
    revocations: createMemoryRevocationLog({ clock, sessionTtlMs, epoch: randomBytes(6).toString("base64url") }),
    keyRing: createMemoryKeyRingStore({ lease }),
    lease,
    replays: createMemoryReplays({ clock }),
    failedLogins: createMemoryFailedLogins(),
    activity: createMemoryActivity({ clock }),
    now: clock,
    clockOffsetMs: () => undefined,
    health: () => ({
      state: "up",
      trouble: undefined,
      memoryUsed: undefined,
      failedCalls: 0,
      tamperedRevocations: 0,
      warnings: [],
    }),
    async close() {},
    async [Symbol.asyncDispose]() {},
  };
}
