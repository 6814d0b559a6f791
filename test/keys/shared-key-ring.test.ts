import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "../../src/time/clock.js";
import type { SharedKeyRing } from "../../src/keys/shared-key-ring.js";
import { policy, sealingKey, sharedStore } from "./replicas.js";

const published = (ring: SharedKeyRing) => ring.published().keys.map(({ kid }) => kid);
const kids = (ring: SharedKeyRing) => ring.list().map(({ kid }) => kid);
const cachePath = async () => join(await mkdtemp(join(tmpdir(), "icemint-keys-")), "ring");

/** What a key signs verifies with the other replica's key. */
const agree = (one: SharedKeyRing, other: SharedKeyRing) => {
  expect(one.signer().kid).toBe(other.signer().kid);
  expect(one.macKey()).toEqual(other.macKey());
};

// SECURITY.md: "Private keys are sealed".
test("replicas that start at the same instant on an empty store sign with the same key", async () => {
  const shared = sharedStore();
  const together = Array.from({ length: 4 }, () => shared.replica({ wait: async () => {} }));
  const waiting = await Promise.all(together);
  shared.time.now += 2 * SECOND;
  await Promise.all(waiting.map((ring) => ring.refresh()));
  const [first, ...others] = waiting;
  if (first === undefined) throw new Error("no replica");
  for (const other of others) agree(first, other);
  expect(kids(first)).toHaveLength(1);
});

test("a starter that finds no ring waits 2 s before it makes one", async () => {
  const shared = sharedStore();
  const waits: number[] = [];
  await shared.replica({
    wait: async (ms) => {
      waits.push(ms);
      expect(shared.state.written).toEqual([]);
      shared.time.now += ms;
    },
  });
  expect(waits).toEqual([2 * SECOND]);
  expect(shared.state.written).toHaveLength(1);
});

test("if a running replica writes its ring back meanwhile, the starter takes that one", async () => {
  const shared = sharedStore();
  const running = await shared.replica();
  await shared.setBack(undefined);
  const starter = await shared.replica({
    wait: async (ms) => {
      shared.time.now += ms / 2;
      await running.refresh();
      shared.time.now += ms / 2;
    },
  });
  agree(starter, running);
});

// SECURITY.md: "Private keys are sealed".
test("no private key, and no MAC key, is in clear in anything that is stored", async () => {
  const shared = sharedStore();
  const ring = await shared.replica();
  await ring.rotate();
  await ring.revoke(ring.signer().kid);
  expect(shared.state.written.length).toBeGreaterThanOrEqual(3);
  for (const { sealed } of shared.state.written) {
    const bytes = Buffer.from(sealed.split(".")[2] ?? "", "base64url");
    for (const clear of [sealed, bytes.toString("latin1")]) {
      expect(clear).not.toMatch(/"d"|kty|macKey|PRIVATE/);
      expect(clear).not.toContain(ring.macKey().toString("base64url"));
    }
  }
});

test("one replica rotates, and all change keys at the same instant", async () => {
  const shared = sharedStore();
  const [leader, follower] = [await shared.replica(), await shared.replica()];
  for (const ring of [leader, follower]) await ring.refresh();
  expect([leader.leads(), follower.leads()]).toEqual([true, false]);
  const activatedAt = leader.list()[0]?.activatesAt ?? 0;
  const first = leader.signer().kid;

  shared.time.now = activatedAt + 30 * DAY - 15 * MINUTE;
  await leader.refresh();
  await follower.refresh();
  expect(published(follower)).toEqual(published(leader));
  expect(published(leader)).toHaveLength(2);
  agree(leader, follower);

  shared.time.now = activatedAt + 30 * DAY - 1;
  expect([leader.signer().kid, follower.signer().kid]).toEqual([first, first]);
  shared.time.now += 1;
  agree(leader, follower);
  expect(leader.signer().kid).not.toBe(first);
});

test("a follower does not rotate, however overdue the key is; it leads once the leader's lease has run out", async () => {
  const shared = sharedStore();
  const [leader, follower] = [await shared.replica(), await shared.replica()];
  await leader.refresh();
  await follower.refresh();
  shared.time.now += 4 * SECOND;
  await leader.refresh();
  shared.time.now += 2 * SECOND;
  await follower.refresh();
  expect(follower.leads()).toBe(false);
  shared.time.now += 31 * DAY;
  await follower.refresh();
  expect(follower.leads()).toBe(true);
  expect(kids(follower)).toHaveLength(2);
});

test("a leader that closes gives its lease up at once", async () => {
  const shared = sharedStore();
  const [leader, follower] = [await shared.replica(), await shared.replica()];
  await leader.refresh();
  await leader.close();
  await follower.refresh();
  expect(follower.leads()).toBe(true);
});

test("a leader that was stopped for longer than its lease makes no second key when it goes on", async () => {
  const shared = sharedStore();
  const [stopped, other] = [await shared.replica(), await shared.replica()];
  await stopped.refresh();
  const first = stopped.signer().kid;
  shared.time.now += 30 * DAY;
  await other.refresh();
  expect(kids(other)).toHaveLength(2);
  await stopped.refresh();
  expect(stopped.leads()).toBe(false);
  expect(kids(stopped)).toEqual(kids(other));
  shared.time.now += 15 * MINUTE;
  agree(stopped, other);
  expect(stopped.signer().kid).not.toBe(first);
  expect(stopped.find(first)).toBeDefined();
});

test("a replica that lost the lease between asking and writing cannot write", async () => {
  const shared = sharedStore();
  const [stopped, other] = [await shared.replica(), await shared.replica()];
  await stopped.refresh();
  shared.time.now += 30 * DAY;
  const { store } = shared;
  const replace = store.replace.bind(store);
  const writes: (number | undefined)[] = [];
  // The pause falls into the instant between holding the lease and writing under it.
  store.replace = async (expected, next, fence) => {
    store.replace = replace;
    shared.time.now += 10 * SECOND;
    await shared.lease.hold("usurper", MINUTE);
    const done = await replace(expected, next, fence);
    writes.push(done ? fence : undefined);
    return done;
  };
  await stopped.refresh();
  expect(writes).toEqual([undefined]);
  expect(kids(stopped)).toHaveLength(1);
  await other.refresh();
  expect(kids(other)).toHaveLength(1);
});

test("with the store away everything goes on with the keys in memory; trouble is reported once, and so is its end", async () => {
  const shared = sharedStore();
  const ring = await shared.replica();
  await ring.refresh();
  shared.state.away = true;
  shared.state.lines.length = 0;
  shared.time.now += HOUR;
  for (let round = 0; round < 5; round += 1) await ring.refresh();
  expect(ring.signer().sign("input")).toEqual(expect.any(String));
  expect(ring.ageMs()).toBe(HOUR);
  expect(shared.state.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
  await expect(ring.rotate()).rejects.toMatchObject({ code: "temporarily_unavailable" });
  await expect(ring.revoke(ring.signer().kid)).rejects.toMatchObject({ code: "temporarily_unavailable" });
  shared.state.away = false;
  await ring.refresh();
  expect(ring.ageMs()).toBe(0);
  expect(shared.state.lines.map(({ message }) => message)).toContain("the key ring is followed again");
});

test("a failover that brings an older ring loses nothing: what replicas hold is written back", async () => {
  const shared = sharedStore();
  const ring = await shared.replica();
  const old = shared.state.written.at(-1);
  const waiting = await ring.rotate();
  shared.time.now += 16 * MINUTE;
  expect(ring.signer().kid).toBe(waiting.kid);
  await shared.setBack(old);
  await ring.refresh();
  expect(ring.signer().kid).toBe(waiting.kid);
  agree(await shared.replica(), ring);
});

test("a failover that splits the ring ends with one: the longer history signs, no key that signed is lost", async () => {
  const shared = sharedStore();
  const [one, other] = [await shared.replica(), await shared.replica()];
  const trunk = shared.state.written.at(-1);
  await one.rotate();
  shared.time.now += 16 * MINUTE;
  await one.rotate();
  shared.time.now += 16 * MINUTE;
  await shared.setBack(trunk);
  const rival = await other.rotate();
  await one.refresh();
  await other.refresh();
  agree(one, other);
  expect(kids(one)).toEqual(kids(other));
  expect(other.stateOf(rival.kid)).toBe("retired");
  expect(other.signer().kid).not.toBe(rival.kid);
});

test("a store that lost everything gets the ring back from a replica that still has it", async () => {
  const shared = sharedStore();
  const ring = await shared.replica();
  await shared.setBack(undefined);
  await ring.refresh();
  agree(await shared.replica(), ring);
});

test("a replica that heard nothing for longer than keys are remembered brings none of its own back", async () => {
  const shared = sharedStore();
  const [cutOff, other] = [await shared.replica(), await shared.replica()];
  const compromised = cutOff.signer().kid;
  await other.revoke(compromised);
  shared.time.now += 2 * DAY;
  await other.refresh();
  expect(other.find(compromised)).toBeUndefined();
  await cutOff.refresh();
  await other.refresh();
  expect(cutOff.find(compromised)).toBeUndefined();
  expect(other.find(compromised)).toBeUndefined();
});

test("a revocation reaches the others with the ring; another key signs without waiting", async () => {
  const shared = sharedStore();
  const [one, other] = [await shared.replica(), await shared.replica()];
  const revoked = one.signer().kid;
  await other.revoke(revoked);
  await one.refresh();
  agree(one, other);
  expect(one.signer().kid).not.toBe(revoked);
  expect(one.stateOf(revoked)).toBe("revoked");
  expect(published(one)).toEqual([one.signer().kid]);
});

test("rotations asked for on several replicas at once come to one key that waits", async () => {
  const shared = sharedStore();
  const rings = [await shared.replica(), await shared.replica(), await shared.replica()];
  const waiting = await Promise.all(rings.map((ring) => ring.rotate()));
  expect(new Set(waiting.map(({ kid }) => kid)).size).toBe(1);
});

// SECURITY.md: "Private keys are sealed".
test("a replica without the right sealing key does not start, says which one is missing, and changes nothing", async () => {
  const shared = sharedStore();
  await shared.replica();
  const before = await shared.store.read();
  await expect(shared.replica({ sealingKeys: [randomBytes(32)] })).rejects.toThrow(
    /cannot be opened, and is left as it is.*sealed under key [0-9a-f]{8}.*ICEMINT_SEALING_KEY/,
  );
  expect(await shared.store.read()).toEqual(before);
});

test("a running replica that meets a ring it cannot open keeps its own, says so, and does not overwrite it", async () => {
  const shared = sharedStore();
  const ring = await shared.replica();
  await ring.refresh();
  const alien = { version: 99, sealed: "v1.00000000.AAAA" };
  await shared.setBack(alien);
  await ring.refresh();
  expect(await shared.store.read()).toEqual(alien);
  expect(ring.signer().sign("input")).toEqual(expect.any(String));
  expect(shared.state.lines.at(-1)).toMatchObject({ level: "warn" });
});

test("an old value under a new version number is not believed", async () => {
  const shared = sharedStore();
  const ring = await shared.replica();
  const old = shared.state.written.at(-1);
  await ring.revoke(ring.signer().kid);
  const revoked = ring.list().map(({ kid, state }) => [kid, state]);
  await shared.setBack({ version: 99, sealed: old?.sealed ?? "" });
  await ring.refresh();
  expect(ring.list().map(({ kid, state }) => [kid, state])).toEqual(revoked);
  expect(shared.state.lines.at(-1)?.reason).toContain("version");
});

test("the sealing key changes under load in three rolling steps, and nobody is without a ring", async () => {
  const next = randomBytes(32);
  const shared = sharedStore();
  const old = await shared.replica();
  await old.refresh();
  const both = await shared.replica({ sealingKeys: [sealingKey, next] });
  await old.close();
  const turned = await shared.replica({ sealingKeys: [next, sealingKey] });
  await both.close();
  await turned.refresh();
  expect(turned.leads()).toBe(true);
  await both.refresh();
  agree(both, turned);
  agree(await shared.replica({ sealingKeys: [next] }), old);
  await expect(shared.replica({ sealingKeys: [sealingKey] })).rejects.toThrow("cannot be opened");
});

test("a replica with a cache file starts while the store is away, and follows once it is back", async () => {
  const shared = sharedStore();
  const path = await cachePath();
  const before = await shared.replica({ cachePath: path });
  shared.state.away = true;
  const restarted = await shared.replica({ cachePath: path });
  agree(restarted, before);
  expect(restarted.ageMs()).toBe(Infinity);
  shared.state.away = false;
  await before.rotate();
  await restarted.refresh();
  expect(kids(restarted)).toEqual(kids(before));
  expect(restarted.ageMs()).toBe(0);
});

test("the cache file is sealed, for its owner alone, and useless under another sealing key", async () => {
  const shared = sharedStore();
  const path = await cachePath();
  await shared.replica({ cachePath: path });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, "utf8")).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+\n$/);
  shared.state.away = true;
  const stranger = await shared.replica({ cachePath: path, sealingKeys: [randomBytes(32)] });
  expect(stranger.loaded()).toBe(false);
});

test.each([
  ["damaged", async (path: string) => writeFile(path, "not sealed"), 0],
  ["too old to be sure that none of its keys was revoked since", async () => {}, DAY + 1],
])("a cache file that is %s is not used", async (_, spoil, afterMs) => {
  const shared = sharedStore();
  const path = await cachePath();
  await shared.replica({ cachePath: path });
  await spoil(path);
  shared.time.now += afterMs;
  shared.state.away = true;
  const ring = await shared.replica({ cachePath: path });
  expect(ring.loaded()).toBe(false);
  expect(shared.state.lines.map(({ message }) => message)).toContain("cannot use keys.cache_file: going without");
});

test("without store and cache file a replica is there but has no key, until the store is back", async () => {
  const shared = sharedStore();
  shared.state.away = true;
  const ring = await shared.replica();
  expect(ring.loaded()).toBe(false);
  expect(() => ring.signer()).toThrow(expect.objectContaining({ code: "temporarily_unavailable" }));
  expect(() => ring.macKey()).toThrow(expect.objectContaining({ code: "temporarily_unavailable" }));
  expect(ring.published().keys).toEqual([]);
  shared.state.away = false;
  await ring.refresh();
  shared.time.now += 2 * SECOND;
  await ring.refresh();
  expect(ring.loaded()).toBe(true);
});

test("with keys from elsewhere the ring holds the MAC key alone, and refuses to make keys", async () => {
  const shared = sharedStore();
  const [one, other] = [await shared.replica({ algorithm: undefined }), await shared.replica({ algorithm: undefined })];
  expect(one.list()).toEqual([]);
  expect(one.macKey()).toEqual(other.macKey());
  await expect(one.rotate()).rejects.toThrow("not made here");
});

test("a replica whose clock is late signs with the first key all the same", async () => {
  const shared = sharedStore();
  const ring = await shared.replica();
  const late = await shared.replica({ clock: () => shared.time.now - 5 * SECOND });
  expect(late.signer().kid).toBe(ring.signer().kid);
});

test("a leader that raises access_ttl keeps the keys for the longer tokens", async () => {
  const shared = sharedStore();
  const before = await shared.replica();
  const first = before.signer().kid;
  const longer = await shared.replica({ policy: { ...policy, accessTtlMs: 6 * HOUR } });
  await longer.refresh();
  await longer.rotate();
  shared.time.now += 15 * MINUTE + 5 * HOUR;
  await before.refresh();
  expect(published(before)).toContain(first);
});
