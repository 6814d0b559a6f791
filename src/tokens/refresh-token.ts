/**
 * Refresh tokens on the wire: `icr_<family>.<generation>.<MAC>`. Opaque to clients. The MAC rejects a forged token
 * without a store call. Family and generation determine the next token: a repeated request gets the same one.
 */
import { createHmac } from "node:crypto";
import { isSameDigest } from "../crypto/constant-time.js";

/** The parts of a refresh token. */
export interface RefreshTokenId {
  readonly familyId: string;
  /** From 0. */
  readonly generation: number;
}

const SHAPE = /^icr_([A-Za-z0-9_-]{22})\.(0|[1-9][0-9]{0,9})\.([A-Za-z0-9_-]{43})$/;

/** `macKey` is the 32-byte key from the key ring. */
export function formatRefreshToken({ familyId, generation }: RefreshTokenId, macKey: Buffer): string {
  return `icr_${familyId}.${generation}.${macOf(familyId, generation, macKey)}`;
}

/** Undefined unless the MAC is ours. */
export function parseRefreshToken(token: string, macKey: Buffer): RefreshTokenId | undefined {
  const [, familyId, digits, mac] = SHAPE.exec(token) ?? [];
  if (familyId === undefined || digits === undefined || mac === undefined) return undefined;
  const generation = Number(digits);
  return isSameDigest(mac, macOf(familyId, generation, macKey)) ? { familyId, generation } : undefined;
}

function macOf(familyId: string, generation: number, macKey: Buffer): string {
  return createHmac("sha256", macKey).update(`icemint refresh token\n${familyId}\n${generation}`).digest("base64url");
}
