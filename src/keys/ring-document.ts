/**
 * The ring as a value, which replicas share, sealed, through the store. It holds every time that a key's state depends
 * on: replicas with different settings (during a rolling update) still agree on the state.
 */
import type { JsonWebKey } from "node:crypto";
import { isJsonObject } from "../oauth/json.js";
import { SIGNING_ALGORITHMS, type PublicJwk, type SigningAlgorithm } from "./signer.js";

/** A key of the ring. Instants and spans in milliseconds. */
export interface RingKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly publicJwk: PublicJwk;
  /** Absent where another signs (an outside signer), once the key is gone, and once it is revoked. */
  readonly privateJwk?: JsonWebKey;
  /** When it entered the JWKS. */
  readonly publishedAt: number;
  /** From when on it signs. */
  readonly activatesAt: number;
  /** From when on it does not sign any more: the instant at which its successor takes over. Absent: none is planned. */
  readonly retiresAt?: number;
  readonly revokedAt?: number;
  /** The longest life of a token that it signed. */
  readonly tokenTtlMs: number;
  /** For how long its public half is kept after it left the JWKS. */
  readonly recognisedMs: number;
}

export interface RingDocument {
  /** Grows with every change: the version of the store's value too. */
  readonly version: number;
  /** 32 bytes in base64url: authenticates refresh tokens. Never changes while the ring lives. */
  readonly macKey: string;
  /** In the order of `activatesAt`. */
  readonly keys: readonly RingKey[];
}

const FORMAT = 1;
const MAX_TEXT = 1024 * 1024;

/** The ring as a string, ready to be sealed. */
export function writeRing(ring: RingDocument): string {
  return JSON.stringify({ format: FORMAT, ...ring });
}

/**
 * Reads the output of `writeRing`. Throws on anything else, such as a later release's format. The seal vouches for the
 * content: only the shape is checked.
 */
export function readRing(text: string): RingDocument {
  if (text.length > MAX_TEXT) throw new Error("the key ring is longer than 1 MiB");
  const value = parseJson(text);
  if (!isJsonObject(value) || value["format"] !== FORMAT) {
    throw new Error(`the key ring has a format that this release does not know (it knows ${FORMAT})`);
  }
  const { version, macKey, keys } = value;
  const macIsKey = typeof macKey === "string" && Buffer.from(macKey, "base64url").length === 32;
  if (!Number.isSafeInteger(version) || !macIsKey || !Array.isArray(keys) || !keys.every(isRingKey)) {
    throw new Error("the key ring is not complete");
  }
  return { version: Number(version), macKey, keys };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes its input, which holds private keys.
    throw new Error("the key ring is not JSON");
  }
}

function isRingKey(value: unknown): value is RingKey {
  if (!isJsonObject(value)) return false;
  const instants = [value["publishedAt"], value["activatesAt"], value["tokenTtlMs"], value["recognisedMs"]];
  const optional = [value["retiresAt"], value["revokedAt"]].filter((instant) => instant !== undefined);
  return (
    typeof value["kid"] === "string" &&
    SIGNING_ALGORITHMS.some((known) => known === value["algorithm"]) &&
    isJsonObject(value["publicJwk"]) &&
    [...instants, ...optional].every(Number.isFinite)
  );
}

/** Whether two rings hold the same keys with the same times. */
export function sameContent(one: RingDocument, other: RingDocument): boolean {
  return one.macKey === other.macKey && contentOf(one) === contentOf(other);
}

function contentOf(ring: RingDocument): string {
  const keys = ring.keys.map((key) => JSON.stringify(Object.entries(key).toSorted(([a], [b]) => (a < b ? -1 : 1))));
  return keys.toSorted().join();
}
