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
  refusedFor?: readonly string[];
}

const states = (changes: Changes) => Object.fromEntries(parts(changes).map(({ name, state }) => [name, state]));

function parts(changes: Changes) {
  const {
    ageMs = 0,
    up = true,
    loaded = true,
    accepting = true,
    cacheFile,
    memory = false,
    trouble,
    refusedFor,
  } = changes;
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
    settings: { refusedFor },
    config: redisConfig({ cacheFile, memory }),
    accepting,
  });
}

describe("readiness", () => {
  test("needs keys, and revocations that were loaded once", () => {
    expect(states({})).toEqual({
      server: "ok",
      keys: "ok",
      settings: "ok",
      revocations: "ok",
      redis: "ok",
    });
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

  test("says for how long changed settings are refused, and why", () => {
    const part = parts({ refusedFor: ["a.yaml:1: issuer must be one", "a.yaml:2: clients is empty"] });
    expect(part.find(({ name }) => name === "settings")).toEqual({
      name: "settings",
      state: "degraded",
      detail: "changed settings are refused: a.yaml:1: issuer must be one; a.yaml:2: clients is empty",
    });
  });

  test("ends with the first moment of a shutdown", () => {
    expect(states({ accepting: false })).toMatchObject({ server: "failing" });
  });

  test("in memory mode has no part in Redis", () => {
    expect(states({ memory: true, up: false, ageMs: Infinity })).toEqual({
      server: "ok",
      keys: "ok",
      settings: "ok",
    });
  });
});
