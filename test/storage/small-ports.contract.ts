import { describe, expect, test } from "vitest";
import type { Deploy } from "../support/redis-deployment.js";

const START = 1_790_000_000_000;

/** What every lease, key ring store and replay store must do. */
export function smallPortsContract(deploy: Deploy): void {
  async function begin() {
    const time = { now: START };
    const deployment = deploy(() => time.now);
    const [one, other] = [await deployment.replica(), await deployment.replica()];
    return { time, one, other, [Symbol.asyncDispose]: () => deployment[Symbol.asyncDispose]() };
  }

  describe("lease", () => {
    test("one holds it and renews it with the same number; others wait until it runs out", async () => {
      await using shared = await begin();
      const fence = await shared.one.lease.hold("a", 1000);
      expect(fence).toBeGreaterThan(0);
      expect(await shared.other.lease.hold("b", 1000)).toBeUndefined();
      shared.time.now += 999;
      expect(await shared.one.lease.hold("a", 1000)).toBe(fence);
      shared.time.now += 999;
      expect(await shared.other.lease.hold("b", 1000)).toBeUndefined();
      shared.time.now += 1;
      expect(await shared.other.lease.hold("b", 1000)).toBeGreaterThan(fence ?? Infinity);
      expect(await shared.one.lease.hold("a", 1000)).toBeUndefined();
    });

    test("releasing it frees it at once; releasing another's does nothing", async () => {
      await using shared = await begin();
      const fence = await shared.one.lease.hold("a", 1000);
      await shared.other.lease.release("b");
      expect(await shared.other.lease.hold("b", 1000)).toBeUndefined();
      await shared.one.lease.release("a");
      expect(await shared.other.lease.hold("b", 1000)).toBeGreaterThan(fence ?? Infinity);
    });

    test("of 30 racers exactly one gets it", async () => {
      await using shared = await begin();
      const racers = Array.from({ length: 30 }, (_, racer) => shared.one.lease.hold(`racer-${racer}`, 1000));
      expect((await Promise.all(racers)).filter((fence) => fence !== undefined)).toHaveLength(1);
    });
  });

  describe("key ring store", () => {
    test("a ring is replaced only by who knows the present version", async () => {
      await using shared = await begin();
      expect(await shared.one.keyRing.read()).toBeUndefined();
      expect(await shared.one.keyRing.replace(0, { version: 1, sealed: "first" })).toBe(true);
      expect(await shared.other.keyRing.replace(0, { version: 1, sealed: "second" })).toBe(false);
      expect(await shared.other.keyRing.read()).toEqual({ version: 1, sealed: "first" });
      expect(await shared.other.keyRing.replace(1, { version: 2, sealed: "third" })).toBe(true);
      expect(await shared.one.keyRing.read()).toEqual({ version: 2, sealed: "third" });
    });

    test("of 30 racers exactly one replaces it", async () => {
      await using shared = await begin();
      const racers = Array.from({ length: 30 }, (_, racer) =>
        shared.other.keyRing.replace(0, { version: 1, sealed: `racer-${racer}` }),
      );
      expect((await Promise.all(racers)).filter(Boolean)).toHaveLength(1);
    });

    test("a replica that lost the lease cannot write", async () => {
      await using shared = await begin();
      const old = await shared.one.lease.hold("a", 1000);
      shared.time.now += 1000;
      const newest = await shared.other.lease.hold("b", 1000);
      expect(await shared.one.keyRing.replace(0, { version: 1, sealed: "late" }, old)).toBe(false);
      expect(await shared.other.keyRing.replace(0, { version: 1, sealed: "timely" }, newest)).toBe(true);
    });
  });

  describe("replays", () => {
    test("an id is used for the first time once, by one of 30 racers on any replica", async () => {
      await using shared = await begin();
      const racers = Array.from({ length: 30 }, (_, racer) =>
        (racer % 2 === 0 ? shared.one : shared.other).replays.use("spark jti-1", "authentication", START + 60_000),
      );
      expect((await Promise.all(racers)).filter((use) => use === "first")).toHaveLength(1);
      shared.time.now += 59_999;
      expect(await shared.one.replays.use("spark jti-1", "authentication", START + 60_000)).toBe("repeated");
      expect(await shared.one.replays.use("spark jti-2", "authentication", START + 60_000)).toBe("first");
    });

    test("an id that was used for one purpose is told from one that was used for the other, by any replica", async () => {
      await using shared = await begin();
      const use = (of: "one" | "other", purpose: "authentication" | "grant") =>
        shared[of].replays.use("spark jti-3", purpose, START + 60_000);
      expect(await use("one", "grant")).toBe("first");
      expect(await use("other", "grant")).toBe("repeated");
      expect(await use("other", "authentication")).toBe("used_otherwise");
      expect(await use("one", "grant")).toBe("repeated");
    });
  });

  test("a store that answers says that it is up", async () => {
    await using shared = await begin();
    expect(shared.one.health().state).toBe("up");
  });
}
