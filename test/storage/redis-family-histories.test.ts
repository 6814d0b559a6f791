import fc from "fast-check";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { RefreshFamilies } from "../../src/storage/refresh-families.js";
import { POLICY, deployInMemory, deployOnRedis, singleSettings } from "../support/redis-deployment.js";

const START = 1_790_000_000_000;
const SESSION_MS = 3 * POLICY.idleMs;
let now = START;
const inMemory = deployInMemory(() => now);
let onRedis: ReturnType<typeof deployOnRedis>;
let stores: readonly RefreshFamilies[];

beforeAll(async () => {
  onRedis = deployOnRedis({ settings: singleSettings(inject("redisUrl")), clock: () => now });
  stores = [(await inMemory.replica()).families, (await onRedis.replica()).families];
});

afterAll(() => onRedis[Symbol.asyncDispose]());

const { graceMs, idleMs } = POLICY;
const step = fc.record({
  waitMs: fc.constantFrom(0, 0, 0, 1, graceMs - 1, graceMs, idleMs - 1, idleMs, SESSION_MS),
  act: fc.oneof(
    { weight: 8, arbitrary: fc.record({ generation: fc.nat(8), clientId: fc.constantFrom("a", "a", "a", "b") }) },
    { weight: 1, arbitrary: fc.constantFrom("create" as const, "find" as const, "revoke" as const) },
  ),
});

test("the script and the pure rule answer every history alike", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      now = START;
      const id = crypto.randomUUID();
      const family = { id, clientId: "a", sessionId: "s", endsAt: START + SESSION_MS, grant: "{}", mac: "m" };
      const answers = async (ask: (store: RefreshFamilies) => Promise<unknown>): Promise<void> => {
        const [fromRule, fromScript] = await Promise.all(stores.map(ask));
        expect(fromScript).toEqual(fromRule);
      };
      await answers((store) => store.create(family));
      for (const { waitMs, act } of steps) {
        now += waitMs;
        if (act === "create") await answers((store) => store.create(family));
        else if (act === "find") await answers((store) => store.find(id));
        else if (act === "revoke") await answers((store) => store.revoke(id));
        else await answers((store) => store.rotate({ familyId: id, ...act }));
        await answers((store) => store.find(id));
      }
    }),
    { numRuns: 300 },
  );
});
