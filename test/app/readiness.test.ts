import { describe, expect, test } from "vitest";
import { readinessParts } from "../../src/app/readiness.js";
import { MINUTE } from "../../src/time/clock.js";
import type { StorageTrouble } from "../../src/storage/storage.js";
import { redisConfig } from "./redis-config.js";

interface Changes {
  ageMs?: number;
  up?: boolean;
  loaded?: boolean;
  accepting?: boolean;
  cacheFile?: string;
  memory?: boolean;
  trouble?: StorageTrouble;
}

const states = (changes: Changes) => Object.fromEntries(parts(changes).map(({ name, state }) => [name, state]));

function parts(changes: Changes) {
  const { ageMs = 0, up = true, loaded = true, accepting = true, cacheFile, memory = false, trouble } = changes;
  return readinessParts({
    keys: { loaded: () => loaded, ageMs: () => 0 },
    storage: {
      health: () => ({
        state: up ? "up" : "down",
        trouble,
        memoryUsed: undefined,
        failedCalls: 0,
        tamperedRevocations: 0,
        warnings: [],
      }),
    },
    table: { ageMs: () => ageMs },
    config: redisConfig({ cacheFile, memory }),
    accepting,
  });
}

describe("readiness", () => {
  test("needs keys, and revocations that were loaded once", () => {
    expect(states({})).toEqual({ server: "ok", keys: "ok", revocations: "ok", redis: "ok" });
    expect(states({ loaded: false })).toMatchObject({ keys: "failing" });
    expect(states({ ageMs: Infinity })).toMatchObject({ revocations: "failing" });
  });

  test("stays, degraded, while Redis is away: Kubernetes must not take every replica away at once", () => {
    expect(states({ up: false })).toMatchObject({ server: "ok", keys: "ok", revocations: "ok", redis: "degraded" });
    expect(states({ up: false, ageMs: 6 * MINUTE })).toMatchObject({ revocations: "degraded" });
  });

  test("does not wait for revocations where a cache file lets a replica start without Redis", () => {
    expect(states({ ageMs: Infinity, up: false, cacheFile: "/var/lib/ring" })).toMatchObject({
      revocations: "degraded",
    });
  });

  test("says what keeps Redis from its work: full, it still serves", () => {
    const trouble = { kind: "full", reason: "OOM command not allowed" } as const;
    expect(states({ trouble })).toMatchObject({ revocations: "ok", redis: "degraded" });
    expect(parts({ trouble }).find(({ name }) => name === "redis")?.detail).toBe("full: OOM command not allowed");
  });

  test("ends with the first moment of a shutdown", () => {
    expect(states({ accepting: false })).toMatchObject({ server: "failing" });
  });

  test("in memory mode has no part in Redis", () => {
    expect(states({ memory: true, up: false, ageMs: Infinity })).toEqual({ server: "ok", keys: "ok" });
  });
});
