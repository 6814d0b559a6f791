import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createMemoryStorage } from "../../src/storage/memory/memory-storage.js";
import type { NewFamily, RefreshFamilies, Rotation } from "../../src/storage/refresh-families.js";
import { authenticFamilies } from "../../src/grants/authentic-families.js";
import { createStoreMac } from "../../src/crypto/store-mac.js";
import { POLICY } from "../support/redis-deployment.js";
import { DAY } from "../../src/time/clock.js";

const NOW = 1_790_000_000_000;
const FAMILY = { id: "f", clientId: "spark", sessionId: "s", endsAt: NOW + 1e6, grant: '{"sub":"ann"}' };
const USE = { familyId: "f", generation: 0, clientId: "spark" };

/** Families behind a store that answers what `change` makes of what it has. */
async function begin(change: (family: NewFamily) => Partial<NewFamily> = () => ({})) {
  const { families } = createMemoryStorage({ clock: () => NOW, familyPolicy: POLICY, sessionTtlMs: DAY });
  const changed = (rotation: Rotation): Rotation =>
    "family" in rotation ? { ...rotation, family: { ...rotation.family, ...change(rotation.family) } } : rotation;
  const store: RefreshFamilies = {
    ...families,
    rotate: async (request) => changed(await families.rotate(request)),
    async find(id) {
      const found = await families.find(id);
      return found === undefined || found === "tampered" ? found : { ...found, ...change(found) };
    },
  };
  const macKey = randomBytes(32);
  let tampered = 0;
  const mac = createStoreMac({ macKey: () => macKey }, "refresh family");
  const authentic = authenticFamilies({
    families: store,
    mac,
    lastSessionEnd: () => NOW + 60_000,
    onTampered: () => (tampered += 1),
  });
  await authentic.create(FAMILY);
  return { authentic, tampered: () => tampered };
}

const CHANGES: Readonly<Record<string, (family: NewFamily) => Partial<NewFamily>>> = {
  "its id": () => ({ id: "g" }),
  "its client": () => ({ clientId: "thief" }),
  "its session": () => ({ sessionId: "t" }),
  "its end": ({ endsAt }) => ({ endsAt: endsAt + 1 }),
  "its grant": ({ grant }) => ({ grant: grant === "" ? "{}" : grant.replace("ann", "eve") }),
  "characters moved between fields": ({ sessionId }) => ({ clientId: `spark${sessionId}`, sessionId: "" }),
  "its MAC": ({ mac }) => ({ mac: `${mac.slice(0, -1)}${mac.endsWith("A") ? "B" : "A"}` }),
  "no MAC": () => ({ mac: "" }),
  "its MAC made huge": ({ mac }) => ({ mac: mac + "A".repeat(1e6) }),
};

describe("a family that icemint wrote", () => {
  test("is believed, live or marked", async () => {
    const { authentic, tampered } = await begin();
    expect(await authentic.rotate(USE)).toMatchObject({ outcome: "rotated", family: FAMILY });
    expect(await authentic.find("f")).toMatchObject({ ...FAMILY, live: true });
    await authentic.revoke("f");
    expect(await authentic.find("f")).toMatchObject({ sessionId: "s", live: false });
    expect(await authentic.rotate(USE)).toMatchObject({ outcome: "reused", family: { sessionId: "s" } });
    expect(tampered()).toBe(0);
  });
});

describe.each(Object.entries(CHANGES))("a family with %s changed", (_, change) => {
  test("is neither found nor rotated, and is counted", async () => {
    const { authentic, tampered } = await begin(change);
    expect(await authentic.find("f")).toBeUndefined();
    expect(await authentic.rotate(USE)).toEqual({ outcome: "tampered" });
    expect(tampered()).toBe(2);
  });
});

describe.each(Object.entries(CHANGES).filter(([what]) => what !== "its grant"))(
  "a tombstone with %s changed",
  (_, change) => {
    test("revokes nobody", async () => {
      const { authentic, tampered } = await begin(change);
      await authentic.revoke("f");
      expect(await authentic.find("f")).toBeUndefined();
      expect(await authentic.rotate(USE)).toEqual({ outcome: "tampered" });
      expect(tampered()).toBe(2);
    });
  },
);

test("a tombstone without a MAC still names the session that a reuse ends, within bounds", async () => {
  const sessionId = "A".repeat(22);
  const { authentic, tampered } = await begin(() => ({ mac: "", sessionId, endsAt: NOW * 2 }));
  await authentic.revoke("f");
  expect(await authentic.rotate(USE)).toMatchObject({
    outcome: "reused",
    family: { sessionId, endsAt: NOW + 60_000 },
  });
  expect(await authentic.findToEnd("f")).toMatchObject({ authentic: false, family: { sessionId } });
  expect(tampered()).toBe(2);
});

test("keys of different purposes make different MACs of the same values", () => {
  const keys = { macKey: () => Buffer.alloc(32, 1) };
  expect(createStoreMac(keys, "revocation")(["a"])).not.toBe(createStoreMac(keys, "refresh family")(["a"]));
  expect(createStoreMac(keys, "revocation")(["1:", "a"])).not.toBe(createStoreMac(keys, "revocation")(["1", ":a"]));
});
