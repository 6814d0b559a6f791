import type { ReadinessSources } from "../../src/app/readiness.js";
import { DAY, MINUTE } from "../../src/time/clock.js";

/** The settings that readiness depends on. */
export function redisConfig(of: {
  readonly cacheFile: string | undefined;
  readonly memory: boolean;
}): ReadinessSources["config"] {
  return {
    redis: of.memory
      ? undefined
      : {
          topology: { kind: "single", url: "redis://127.0.0.1", urlFile: undefined },
          prefix: "icemint",
          username: undefined,
          passwordFile: undefined,
          tls: undefined,
        },
    keys: {
      algorithm: "ES256",
      rotateEveryMs: 30 * DAY,
      publishAheadMs: 15 * MINUTE,
      files: [],
      cacheFile: of.cacheFile,
      sealingKeys: [],
      vault: undefined,
    },
    revocation: { maxStalenessMs: 5 * MINUTE },
  };
}
