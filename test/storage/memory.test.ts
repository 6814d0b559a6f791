import { describe, expect, test } from "vitest";
import { createMemoryStorage } from "../../src/storage/memory/memory-storage.js";
import { HOUR } from "../../src/time/clock.js";
import { RevocationTable } from "../../src/revocations/table.js";
import { POLICY, deployInMemory } from "../support/redis-deployment.js";
import { refreshFamiliesContract } from "./refresh-families.contract.js";
import { revocationLogContract } from "./revocation-log.contract.js";
import { activityContract } from "./activity.contract.js";
import { smallPortsContract } from "./small-ports.contract.js";

describe("in memory", () => {
  refreshFamiliesContract(deployInMemory);
  revocationLogContract(deployInMemory);
  smallPortsContract(deployInMemory);
  activityContract(deployInMemory);

  test("a view is complete at all times, however far the clock has moved", () => {
    let now = 1_790_000_000_000;
    const storage = createMemoryStorage({ clock: () => now, familyPolicy: POLICY, sessionTtlMs: HOUR });
    const table = new RevocationTable({ clock: () => now });
    expect(table.ageMs()).toBe(Infinity);
    void storage.revocations.follow(table, AbortSignal.timeout(1000));
    now += 1e9;
    expect(table.ageMs()).toBe(0);
  });
});
