/**
 * A million revocations in force: what they cost a replica in memory, a look-up in time, and how soon a replica that
 * starts has read them all. Needs a Redis on the PATH: `npm run bench -- revocations`.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis } from "ioredis";
import { createStoreMac } from "../src/crypto/store-mac.js";
import { createRedisKeys } from "../src/storage/redis/keys.js";
import { macOf } from "../src/storage/redis/revocation-entry.js";
import { createRedisStorage } from "../src/storage/redis/redis-storage.js";
import { RevocationFeed } from "../src/revocations/feed.js";
import { RevocationTable } from "../src/revocations/table.js";
import { startRedis } from "./redis.js";
import { silentLogger } from "../src/telemetry/logger.js";
import { DAY } from "../src/time/clock.js";

const MAC_KEY = randomBytes(32);
const MAC = createStoreMac({ macKey: () => MAC_KEY }, "revocation");
const COUNT = 1_000_000;
const CHUNK = 5000;
const LOOK_UPS = 1_000_000;
const MIB = 2 ** 20;

interface Figure {
  readonly what: string;
  readonly measured: string;
  readonly limit: string;
}

/** Measures all three. */
export async function benchRevocations(): Promise<readonly Figure[]> {
  await using redis = await startRedis();
  if (redis === undefined) throw new Error("no redis-server on the PATH");
  const prefix = `bench-${randomBytes(4).toString("hex")}`;
  const sids = await fillRevocations(redis.url, prefix, COUNT);
  const table = new RevocationTable({ clock: Date.now });
  const before = memory();
  const cpuBefore = process.cpuUsage();
  const begunAt = performance.now();
  await using storage = await createRedisStorage({
    settings: {
      topology: { kind: "single", url: redis.url, urlFile: undefined },
      prefix,
      username: undefined,
      passwordFile: undefined,
      tls: undefined,
    },
    clock: Date.now,
    sessionTtlMs: DAY,
    familyPolicy: { graceMs: 30_000, idleMs: 7_200_000 },
    log: silentLogger,
    revocationMac: MAC,
  });
  const end = new AbortController();
  const ended = storage.revocations.follow(new RevocationFeed({ table }), end.signal);
  while (table.ageMs() === Infinity) await sleep(5);
  const loadSeconds = (performance.now() - begunAt) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const cpuSeconds = (cpu.user + cpu.system) / 1e6;
  const usedMib = (memory() - before) / MIB;
  const held = lookUps(table, sids);
  const missed = lookUps(table, Array.from({ length: 1000 }, newSid));
  end.abort();
  await ended;
  return [
    { what: "a replica that starts has read them all", measured: `${loadSeconds.toFixed(2)} s`, limit: "5 s" },
    { what: "of that, its own CPU time", measured: `${cpuSeconds.toFixed(2)} s`, limit: "" },
    { what: "memory of the replica", measured: `${usedMib.toFixed(0)} MiB`, limit: "100 MB" },
    { what: "look-up of a revoked session", measured: `${held.toFixed(3)} us`, limit: "1 us" },
    { what: "look-up of a session that is not revoked", measured: `${missed.toFixed(3)} us`, limit: "1 us" },
  ];
}

/** Microseconds for one look-up, ids in random order. */
function lookUps(table: RevocationTable, sids: readonly string[]): number {
  const token = { subject: "ann", clientId: "spark", actors: [], startedAt: 0, kids: ["k"] };
  let covered = 0;
  const order = Uint32Array.from({ length: LOOK_UPS }, () => Math.floor(Math.random() * sids.length));
  const begunAt = performance.now();
  for (const at of order) if (table.covers({ ...token, sessionIds: [sids[at] ?? ""] })) covered += 1;
  const microseconds = ((performance.now() - begunAt) * 1000) / LOOK_UPS;
  if (covered !== 0 && covered !== LOOK_UPS) throw new Error("the table answers wrongly");
  return microseconds;
}

/** Fills the log with revoked sessions, and returns a sample of them. */
export async function fillRevocations(url: string, prefix: string, count: number): Promise<readonly string[]> {
  const key = createRedisKeys(prefix).revocations;
  const redis = new Redis(url, { protocol: 2 });
  const expiresAt = Math.floor(Date.now() / 1000) + 86_400;
  const sample: string[] = [];
  for (let filled = 0; filled < count; filled += CHUNK) {
    const pipeline = redis.pipeline();
    for (let entry = filled; entry < Math.min(count, filled + CHUNK); entry += 1) {
      const sid = newSid();
      if (entry % 10 === 0) sample.push(sid);
      const text = `s${expiresAt} ${sid}`;
      pipeline.xadd(key, "*", "r", text, "m", macOf(text, MAC));
    }
    await pipeline.exec();
  }
  await redis.quit();
  return sample;
}

function newSid(): string {
  return randomBytes(16).toString("base64url");
}

/** What the process holds, outside and inside the heap. */
function memory(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
