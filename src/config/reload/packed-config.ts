/**
 * Settings on their way from the thread that reads them. They come in parts: the main thread unpacks them between
 * requests, however many clients there are.
 */
import { setImmediate } from "node:timers/promises";
import { deserialize, serialize } from "node:v8";
import type { Client } from "../../clients/client.js";
import type { Config } from "../config.js";
import { freeze } from "./freeze.js";

/** The settings without their clients, and then the clients, some in each part. */
export interface PackedConfig {
  readonly settings: Uint8Array<ArrayBuffer>;
  readonly clients: readonly Uint8Array<ArrayBuffer>[];
}

/** So many cost about a millisecond or two. */
const CLIENTS_IN_PART = 500;

export function packConfig({ clients, ...settings }: Config): PackedConfig {
  return { settings: serialize(settings), clients: inParts(clients).map((part) => serialize(alike(part))) };
}

/** Unpacks and freezes them. Other work gets its turn after each part. */
export async function unpackConfig(packed: PackedConfig): Promise<Config> {
  const settings: Omit<Config, "clients"> = deserialize(packed.settings);
  const clients: Client[] = [];
  for (const packedPart of packed.clients) {
    const part: readonly Client[] = deserialize(packedPart);
    clients.push(...freeze(part));
    await setImmediate();
  }
  return freeze({ ...settings, clients });
}

export function inParts(clients: readonly Client[]): readonly (readonly Client[])[] {
  const parts: (readonly Client[])[] = [];
  for (let at = 0; at < clients.length; at += CLIENTS_IN_PART) parts.push(clients.slice(at, at + CLIENTS_IN_PART));
  return parts;
}

/**
 * The same clients, with one object for equal parts of several. Packing keeps that: most clients have the same grants
 * and scopes, and memory counts where there are many.
 */
function alike(clients: readonly Client[]): readonly Client[] {
  const known = new Map<string, unknown>();
  const one = <T>(member: string, value: T): T => {
    const text = `${member} ${JSON.stringify(value, withoutSets)}`;
    if (!known.has(text)) known.set(text, value);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the values of one member have one type
    return known.get(text) as T;
  };
  return clients.map((client) => ({
    ...client,
    federated: one("federated", client.federated),
    grants: one("grants", client.grants),
    scopes: one("scopes", client.scopes),
    audiences: one("audiences", client.audiences),
    claims: one("claims", client.claims),
    userClaims: one("userClaims", client.userClaims),
    mayActFor: one("mayActFor", client.mayActFor),
    permissions: one("permissions", client.permissions),
    serves: one("serves", client.serves),
  }));
}

/** For JSON, which has no sets. */
function withoutSets(_name: string, value: unknown): unknown {
  return value instanceof Set ? [...value] : value;
}
