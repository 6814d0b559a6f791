import { setTimeout as sleep } from "node:timers/promises";
import { isStateUnavailable } from "../../oauth/error.js";
import type { Log } from "../../oauth/log.js";
import type { KeyRingStore, SealedRing } from "../key-ring-store.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";
import { stringList } from "./reply.js";
import { ringRead, ringReplace } from "./scripts.js";

/** How often the version is looked at. */
const POLL_MS = 500;

/** A ring is a string of at most 1 MiB (`keys/ring-document.ts`), and a third more once it is sealed. */
const MAX_SEALED_BYTES = 2 * 1024 * 1024;

/** The sealed ring: one hash. */
export function createRedisKeyRingStore(needs: {
  redis: RedisCaller;
  keys: RedisKeys;
  log: Log;
  /** Aborts when the storage is closed. */
  closing: AbortSignal;
}): KeyRingStore {
  const { redis, keys, log, closing } = needs;
  /** The version that this replica read or wrote last. */
  let known = 0;
  const look = async (): Promise<SealedRing | undefined> => {
    const [outcome, version, sealed = ""] = stringList(await redis.run(ringRead, [keys.ring], [MAX_SEALED_BYTES]));
    if (outcome === "tampered") throw new TamperedRingError();
    return outcome === "found" ? { version: Number(version), sealed } : undefined;
  };
  return {
    async read() {
      const ring = await look();
      known = ring?.version ?? 0;
      return ring;
    },
    async replace(expected, { version, sealed }, fence) {
      const outcome = await redis.run(ringReplace, [keys.ring, keys.lease], [expected, version, sealed, fence ?? ""]);
      if (outcome === "replaced") known = version;
      return outcome === "replaced";
    },
    watch(onChange, signal) {
      void follow(
        AbortSignal.any([signal, closing]),
        async () => {
          const knownBefore = known;
          const version = (await look())?.version ?? 0;
          if (version === known || known !== knownBefore) return; // the latter: it was replaced here meanwhile
          known = version;
          onChange();
        },
        (error) => {
          // The ring's own reading reports both.
          if (!isStateUnavailable(error) && !(error instanceof TamperedRingError)) log.fault("keys", error);
        },
      );
    },
  };
}

class TamperedRingError extends Error {
  constructor() {
    super("Redis holds what is no key ring in its place: remove it");
  }
}

/** Polls until the signal aborts. A poll that fails is made again. */
async function follow(
  signal: AbortSignal,
  poll: () => Promise<void>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    await poll().catch(onFailure);
    await sleep(POLL_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
