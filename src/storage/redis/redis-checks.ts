/** Checks a Redis for risks to the state, in sentences for its operator. */
import { Cluster } from "ioredis";
import type { Redis } from "ioredis";
import type { RedisLink } from "./redis-link.js";

/** From this share of `maxmemory` on there is a warning. */
const NEARLY_FULL = 0.8;

/** What a check found. */
export interface RedisChecks {
  readonly warnings: readonly string[];
  /** The share of `maxmemory` in use, of the fullest master; undefined if none has a limit. */
  readonly memoryUsed: number | undefined;
}

/** Asks every master. Throws what ioredis throws when one does not answer. */
export async function checkRedis(link: RedisLink): Promise<RedisChecks> {
  const masters = link instanceof Cluster ? link.nodes("master") : [link];
  const found = await Promise.all(masters.map(checkServer));
  const shares = found.flatMap(({ memoryUsed }) => memoryUsed ?? []);
  return {
    warnings: [...new Set(found.flatMap(({ warnings }) => warnings))],
    memoryUsed: shares.length === 0 ? undefined : Math.max(...shares),
  };
}

async function checkServer(server: Redis): Promise<RedisChecks> {
  const [memory, persistence] = await Promise.all([server.info("memory"), server.info("persistence")]);
  const hasSnapshots = field(persistence, "aof_enabled") === "1" ? true : await snapshotsAreMade(server);
  const number = (name: string): number => Number(field(memory, name) ?? 0);
  // What Redis itself compares with its limit: buffers of replicas do not count.
  const used = number("used_memory") - number("mem_not_counted_for_evict");
  const limit = number("maxmemory");
  const memoryUsed = limit > 0 && Number.isFinite(used) ? used / limit : undefined;
  return {
    warnings: [
      ...evictionWarnings(field(memory, "maxmemory_policy")),
      ...memoryWarnings(memoryUsed),
      ...persistenceWarnings(hasSnapshots),
    ],
    memoryUsed,
  };
}

function evictionWarnings(policy: string | undefined): readonly string[] {
  if (policy === "noeviction") return [];
  return [
    `Redis may evict keys (maxmemory-policy ${policy ?? "unknown"}): revocations and refresh tokens would vanish before ` +
      "their time. Set maxmemory-policy noeviction.",
  ];
}

function memoryWarnings(used: number | undefined): readonly string[] {
  if (used === undefined || used <= NEARLY_FULL) return [];
  return [
    "Redis uses more than 80 % of its maxmemory: once it is full nothing can be revoked or refreshed. Raise maxmemory.",
  ];
}

function persistenceWarnings(hasSnapshots: boolean | undefined): readonly string[] {
  if (hasSnapshots === undefined) {
    return [
      "Whether Redis keeps its data on disk could not be checked: CONFIG GET is denied and appendonly is off. Without " +
        "persistence a restart loses refresh tokens, and revocations that no replica holds. Set appendonly yes.",
    ];
  }
  if (hasSnapshots) return [];
  return [
    "Redis keeps nothing on disk (appendonly no, no snapshots): a restart loses refresh tokens, and revocations that " +
      "no replica holds. Set appendonly yes.",
  ];
}

/** Undefined if the server does not say: CONFIG GET may be denied. */
async function snapshotsAreMade(server: Redis): Promise<boolean | undefined> {
  try {
    const reply: unknown = await server.config("GET", "save");
    return Array.isArray(reply) ? reply[1] !== "" : undefined;
  } catch {
    return undefined;
  }
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
}
