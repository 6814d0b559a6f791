/** Checks a Redis for risks to the state, in sentences for its operator. */
import { Cluster } from "ioredis";
import type { Redis } from "ioredis";
import type { RedisLink } from "./redis-link.js";

/** From this share of `maxmemory` on there is a warning. */
const NEARLY_FULL = 0.8;

/** Asks every master. Throws what ioredis throws when one does not answer. */
export async function checkRedis(link: RedisLink): Promise<readonly string[]> {
  const masters = link instanceof Cluster ? link.nodes("master") : [link];
  const warnings = await Promise.all(masters.map(checkServer));
  return [...new Set(warnings.flat())];
}

async function checkServer(server: Redis): Promise<readonly string[]> {
  const [memory, persistence] = await Promise.all([server.info("memory"), server.info("persistence")]);
  const hasSnapshots = field(persistence, "aof_enabled") === "1" ? true : await snapshotsAreMade(server);
  return [
    ...evictionWarnings(field(memory, "maxmemory_policy")),
    ...memoryWarnings(Number(field(memory, "used_memory") ?? 0), Number(field(memory, "maxmemory") ?? 0)),
    ...persistenceWarnings(hasSnapshots),
  ];
}

function evictionWarnings(policy: string | undefined): readonly string[] {
  if (policy === "noeviction") return [];
  return [
    `Redis may evict keys (maxmemory-policy ${policy ?? "unknown"}): revocations and refresh tokens would vanish before ` +
      "their time. Set maxmemory-policy noeviction.",
  ];
}

function memoryWarnings(used: number, limit: number): readonly string[] {
  if (limit === 0 || used / limit <= NEARLY_FULL) return [];
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
