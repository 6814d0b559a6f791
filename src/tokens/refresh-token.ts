/**
 * Refresh tokens on the wire: `icr_<family>.<generation>.<MAC>`. Opaque to clients. The MAC stops forged ones before
 * the store is asked, and the next token follows from family and generation, so that a repeated request gets the same
 * one.
 */
import { createHmac } from "node:crypto";
import { isSameDigest } from "../crypto/constant-time.js";

/** What a refresh token names. */
export interface RefreshTokenId {
  readonly familyId: string;
  /** From 0. */
  readonly generation: number;
}

const SHAPE = /^icr_([A-Za-z0-9_-]{22})\.(0|[1-9][0-9]{0,9})\.([A-Za-z0-9_-]{43})$/;

/** Writes a refresh token. `macKey` is the 32-byte key from the key ring. */
export function formatRefreshToken({ familyId, generation }: RefreshTokenId, macKey: Buffer): string {
  return `icr_${familyId}.${generation}.${macOf(familyId, generation, macKey)}`;
}

/** Reads a refresh token; undefined if it is none of ours. */
export function parseRefreshToken(token: string, macKey: Buffer): RefreshTokenId | undefined {
  const [, familyId, digits, mac] = SHAPE.exec(token) ?? [];
  if (familyId === undefined || digits === undefined || mac === undefined) return undefined;
  const generation = Number(digits);
  return isSameDigest(mac, macOf(familyId, generation, macKey)) ? { familyId, generation } : undefined;
}

function macOf(familyId: string, generation: number, macKey: Buffer): string {
  return createHmac("sha256", macKey).update(`icemint refresh token\n${familyId}\n${generation}`).digest("base64url");
}
