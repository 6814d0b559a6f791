/** Decides whether this replica may serve, part by part. It must not wait for anything. */
import type { Config } from "../config/config.js";
import type { Storage, StorageHealth } from "../storage/storage.js";
import type { Part } from "../transport/admin.js";
import type { LiveSettings } from "./live-settings.js";
import type { Keys } from "./key-ring.js";

export interface ReadinessSources {
  readonly keys: Pick<Keys, "loaded" | "ageMs">;
  readonly storage: Pick<Storage, "health">;
  readonly table: { ageMs(): number };
  readonly settings: Pick<LiveSettings, "refusedFor">;
  readonly config: Pick<Config, "redis" | "keys" | "revocation">;
  /** False from the first moment of a shutdown. */
  readonly accepting: boolean;
}

/**
 * Redis being away only degrades. A replica that can sign goes on, and Kubernetes must not remove all replicas at once.
 * Revocations must have been loaded once, unless a cache file lets the replica start without them (docs/state.md).
 */
export function readinessParts({
  keys,
  storage,
  table,
  settings,
  config,
  accepting,
}: ReadinessSources): readonly Part[] {
  const server: Part = accepting
    ? { name: "server", state: "ok" }
    : { name: "server", state: "failing", detail: "shutting down" };
  const signing: Part = { name: "keys", state: keys.loaded() ? "ok" : "failing", ageMs: finite(keys.ageMs()) };
  const local = [server, signing, settingsPart(settings)];
  if (config.redis === undefined) return local;
  return [...local, revocations(table.ageMs(), config), redisPart(storage.health())];
}

/** The good settings go on. But the next replica to start could not start with what is there. */
function settingsPart({ refusedFor }: Pick<LiveSettings, "refusedFor">): Part {
  const name = "settings";
  if (refusedFor === undefined) return { name, state: "ok" };
  return { name, state: "degraded", detail: `changed settings are refused: ${refusedFor.join("; ")}` };
}

function redisPart({ state, trouble, warnings }: StorageHealth): Part {
  const name = "redis";
  if (trouble !== undefined) return { name, state: "degraded", detail: `${trouble.kind}: ${trouble.reason}` };
  if (state === "down") return { name, state: "degraded", detail: "not reached yet" };
  return { name, state: "ok", ...(warnings.length > 0 && { detail: warnings.join(" ") }) };
}

function revocations(ageMs: number, { keys, revocation }: Pick<Config, "keys" | "revocation">): Part {
  const name = "revocations";
  if (ageMs <= revocation.maxStalenessMs) return { name, state: "ok", ageMs };
  if (ageMs < Infinity) return { name, state: "degraded", ageMs, detail: "too old to trust a token by itself" };
  const startsWithout = keys.cacheFile !== undefined;
  return { name, state: startsWithout ? "degraded" : "failing", detail: "not loaded yet" };
}

function finite(ageMs: number): number {
  return Number.isFinite(ageMs) ? ageMs : -1;
}
