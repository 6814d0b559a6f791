import { Redis } from "ioredis";
import { createLocalJWKSet, compactVerify } from "jose";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, test } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "../../src/time/clock.js";
import type { KeyRing } from "../../src/keys/key-ring.js";
import { createSealing } from "../../src/keys/sealing.js";
import { createSharedKeyRing, type SharedKeyRing } from "../../src/keys/shared-key-ring.js";
import type { RotationPolicy } from "../../src/keys/rotation.js";
import { createRedisStorage } from "../../src/storage/redis/redis-storage.js";
import { quietLog } from "../support/quiet-log.js";
import { REVOCATION_MAC } from "../support/redis-deployment.js";
import type { Storage } from "../../src/storage/storage.js";

const slow = { rotateEveryMs: 30 * DAY, publishAheadMs: 15 * MINUTE, accessTtlMs: HOUR, sessionTtlMs: DAY };
const opened: AsyncDisposable[] = [];
const redis = new Redis(inject("redisUrl"));

afterAll(async () => {
  for (const thing of opened.toReversed()) await thing[Symbol.asyncDispose]();
  redis.disconnect();
});

const newPrefix = () => `test-${randomBytes(6).toString("hex")}`;

/** Replicas on one prefix, each with connections of its own. */
function replicasOn(prefix: string, policy: RotationPolicy) {
  const sealing = createSealing({ keys: [Buffer.alloc(32, prefix)], purpose: "key ring", context: prefix });
  return async (replicaId: string): Promise<{ readonly ring: SharedKeyRing; readonly storage: Storage }> => {
    const storage = await createRedisStorage({
      revocationMac: REVOCATION_MAC,
      settings: {
        topology: { kind: "single", url: inject("redisUrl"), urlFile: undefined },
        prefix,
        username: undefined,
        passwordFile: undefined,
        tls: undefined,
      },
      clock: Date.now,
      sessionTtlMs: DAY,
      familyPolicy: { graceMs: 30 * SECOND, idleMs: HOUR },
      log: quietLog,
    });
    const shared = { store: storage.keyRing, lease: storage.lease, sealing, policy, replicaId, log: quietLog };
    const ring = await createSharedKeyRing({ ...shared, algorithm: "ES256", clock: Date.now });
    opened.push(storage, ring);
    return { ring, storage };
  };
}

/** A token of a ring, as small as can be. */
async function tokenOf(ring: KeyRing): Promise<string> {
  const signer = ring.signer();
  const header = { alg: signer.algorithm, kid: signer.kid };
  const input = `${Buffer.from(JSON.stringify(header)).toString("base64url")}.e30`;
  return `${input}.${await signer.sign(input)}`;
}

async function valuesUnder(prefix: string): Promise<string> {
  const keys = await redis.keys(`*${prefix}*`);
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return `${keys.join(" ")} ${dumps.map((dump) => dump?.toString("latin1")).join(" ")}`;
}

test.concurrent(
  "replicas that start at the same instant on an empty Redis sign with one key, sealed in Redis",
  async () => {
    const prefix = newPrefix();
    const replica = replicasOn(prefix, slow);
    const started = await Promise.all(["a", "b", "c"].map(replica));
    const rings = started.map(({ ring }) => ring);
    expect(new Set(rings.map((ring) => ring.signer().kid)).size).toBe(1);
    expect(new Set(rings.map((ring) => ring.macKey().toString("hex"))).size).toBe(1);
    await rings[0]?.rotate();
    const stored = await valuesUnder(prefix);
    expect(stored).toContain("v1.");
    expect(stored).not.toMatch(/"d"|PRIVATE|macKey/);
    expect(stored).not.toContain(rings[0]?.macKey().toString("base64url"));
  },
);

test.concurrent(
  "a leader that lost the lease cannot write, although nothing else changed",
  async ({ expect: check }) => {
    const prefix = newPrefix();
    const { ring, storage } = await replicasOn(prefix, slow)("leader");
    await ring.refresh();
    expect(ring.leads()).toBe(true);
    const stored = await storage.keyRing.read();
    if (stored === undefined) throw new Error("no ring");
    const fence = (await storage.lease.hold("leader", 50)) ?? 0;
    await check.poll(() => storage.lease.hold("other", MINUTE)).toBeGreaterThan(fence);
    const next = { version: stored.version + 1, sealed: stored.sealed };
    expect(await storage.keyRing.replace(stored.version, next, fence)).toBe(false);
    expect(await storage.keyRing.read()).toEqual(stored);
  },
);

test.concurrent("through rotations every token verifies with a JWKS that the other replica served before", async () => {
  const fast = { rotateEveryMs: 1600, publishAheadMs: 1200, accessTtlMs: 2 * SECOND, sessionTtlMs: MINUTE };
  const replica = replicasOn(newPrefix(), fast);
  const [{ ring: one }, { ring: other }] = await Promise.all([replica("one"), replica("other")]);
  one.start();
  other.start();
  const kids = new Set<string>();
  let mostPublished = 0;
  while (kids.size < 3) {
    const [ofOne, ofOther] = [one.published().keys, other.published().keys];
    // As stale as a verifier may be here: publish_ahead less what a replica takes to follow.
    await sleep(500);
    for (const [signing, cached] of [[one, ofOther] as const, [other, ofOne] as const]) {
      const verifier = createLocalJWKSet({ keys: cached.map((key) => ({ ...key })) });
      const { protectedHeader } = await compactVerify(await tokenOf(signing), verifier);
      kids.add(protectedHeader.kid ?? "");
      mostPublished = Math.max(mostPublished, cached.length);
    }
  }
  expect(mostPublished).toBeLessThanOrEqual(5);
});
