import { describe, expect, test } from "vitest";
import type { NewFamily, Rotation } from "../../src/storage/refresh-families.js";
import { POLICY } from "../support/redis-deployment.js";
import type { Deploy } from "../support/redis-deployment.js";

const START = 1_790_000_000_000;
const HOUR = 3_600_000;

/** What every store of refresh token families must do. */
export function refreshFamiliesContract(deploy: Deploy): void {
  describe("refresh families", () => {
    async function begin() {
      const time = { now: START };
      const deployment = deploy(() => time.now);
      const [one, other] = [await deployment.replica(), await deployment.replica()];
      const family: NewFamily = {
        id: crypto.randomUUID(),
        clientId: "spark",
        sessionId: "session-1",
        endsAt: START + 24 * HOUR,
        grant: '{"sub":"ann"}',
        mac: "opaque to the store",
      };
      await one.families.create(family);
      const use = (generation: number, clientId = "spark"): Promise<Rotation> =>
        other.families.rotate({ familyId: family.id, generation, clientId });
      return { time, one, other, family, use, [Symbol.asyncDispose]: () => deployment[Symbol.asyncDispose]() };
    }
    const reused = (family: NewFamily): Rotation => ({ outcome: "reused", family: { ...family, grant: "" } });

    test("the newest token gets a successor and what was granted, on any replica", async () => {
      await using shared = await begin();
      expect(await shared.use(0)).toEqual({ outcome: "rotated", generation: 1, family: shared.family });
      expect(await shared.use(1)).toEqual({ outcome: "rotated", generation: 2, family: shared.family });
    });

    test("the token before gets the same successor until the grace window closes, which repeats do not lengthen", async () => {
      await using shared = await begin();
      await shared.use(0);
      const repeated = { outcome: "repeated", generation: 1, family: shared.family };
      shared.time.now += POLICY.graceMs - 1;
      expect(await shared.use(0)).toEqual(repeated);
      expect(await shared.use(0)).toEqual(repeated);
      shared.time.now += 1;
      expect(await shared.use(0)).toEqual(reused(shared.family));
    });

    test("a token two generations old kills the family, grace or not, and every later use says so again", async () => {
      await using shared = await begin();
      await shared.use(0);
      await shared.use(1);
      expect(await shared.use(0)).toEqual(reused(shared.family));
      expect(await shared.use(2)).toEqual(reused(shared.family));
      shared.time.now += POLICY.idleMs + HOUR;
      expect(await shared.use(2), "a tombstone does not die of idleness").toEqual(reused(shared.family));
      shared.time.now = shared.family.endsAt;
      expect(await shared.use(2)).toEqual({ outcome: "absent" });
    });

    test("a token ahead of the store is believed: the store catches up", async () => {
      await using shared = await begin();
      expect(await shared.use(7)).toEqual({ outcome: "caught_up", generation: 8, family: shared.family });
      expect(await shared.use(7)).toMatchObject({ outcome: "repeated", generation: 8 });
      expect(await shared.use(8)).toMatchObject({ outcome: "rotated", generation: 9 });
      expect(await shared.use(3)).toEqual(reused(shared.family));
    });

    test("another client's use answers absent and leaves the family as it is", async () => {
      await using shared = await begin();
      await shared.use(0);
      await shared.use(1);
      expect(await shared.use(0, "thief")).toEqual({ outcome: "absent" });
      expect(await shared.use(2)).toMatchObject({ outcome: "rotated", generation: 3 });
    });

    test("an unused token dies after the idle time, which each use begins again", async () => {
      await using shared = await begin();
      shared.time.now += POLICY.idleMs - 1;
      expect(await shared.use(0)).toMatchObject({ outcome: "rotated" });
      shared.time.now += POLICY.idleMs - 1;
      expect(await shared.use(1)).toMatchObject({ outcome: "rotated" });
      shared.time.now += POLICY.idleMs;
      expect(await shared.use(2)).toEqual({ outcome: "absent" });
      expect(await shared.one.families.find(shared.family.id)).toBeUndefined();
    });

    test("a revoked family answers reused; revoking one that is unknown is no error", async () => {
      await using shared = await begin();
      await shared.one.families.revoke("never-made");
      await shared.one.families.revoke(shared.family.id);
      expect(await shared.use(0)).toEqual(reused(shared.family));
    });

    test("creating a family again changes nothing", async () => {
      await using shared = await begin();
      await shared.use(0);
      await shared.other.families.create({ ...shared.family, grant: "other", clientId: "other", mac: "other" });
      expect(await shared.use(1)).toEqual({ outcome: "rotated", generation: 2, family: shared.family });
    });

    test("a family can be looked up, live or marked", async () => {
      await using shared = await begin();
      await shared.use(0);
      const found = { ...shared.family, generation: 1, live: true };
      expect(await shared.one.families.find(shared.family.id)).toEqual(found);
      await shared.other.families.revoke(shared.family.id);
      expect(await shared.one.families.find(shared.family.id)).toEqual({ ...found, grant: "", live: false });
      shared.time.now = shared.family.endsAt;
      expect(await shared.one.families.find(shared.family.id)).toBeUndefined();
      expect(await shared.one.families.find("never-made")).toBeUndefined();
    });

    test("a grant of more than 8 KiB is refused as a fault of ours", async () => {
      await using shared = await begin();
      const big = { ...shared.family, id: "big", grant: "é".repeat(4097) };
      await expect(shared.one.families.create(big)).rejects.toThrow(RangeError);
    });

    test("of 60 racers with one token all get the same successor, and exactly one rotates", async () => {
      await using shared = await begin();
      for (let generation = 0; generation < 20; generation += 1) {
        const answers = await Promise.all(
          Array.from({ length: 60 }, (_, racer) => {
            const replica = racer % 2 === 0 ? shared.one : shared.other;
            return replica.families.rotate({ familyId: shared.family.id, generation, clientId: "spark" });
          }),
        );
        expect(answers.filter(({ outcome }) => outcome === "rotated")).toHaveLength(1);
        expect(new Set(answers.map((answer) => "generation" in answer && answer.generation))).toEqual(
          new Set([generation + 1]),
        );
      }
    });
  });
}
