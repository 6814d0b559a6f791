import { Buffer } from "node:buffer";
import { hash, timingSafeEqual } from "node:crypto";
import type { Client, ClientSecret } from "./client.js";
import type { ClientSet } from "./client-registry.js";

/** Compared with when there is nothing to compare with, so that an unknown client costs what a known one does. */
const DECOY = Buffer.alloc(32);

/** SHA-256 of a presented secret, in UTF-8. */
export function secretDigest(secret: string): Buffer {
  return hash("sha256", secret, "buffer");
}

/** Whether a secret may still be used at `now` (milliseconds). */
export function isCurrent(secret: ClientSecret, now: number): boolean {
  return secret.expiresAt === undefined || now < secret.expiresAt;
}

/**
 * Whether the digest is that of one of the client's current secrets. All are compared, each in constant time, so that
 * the time says neither which one it was nor whether the client exists.
 */
export function hasDigest(client: Client | undefined, digest: Buffer, now: number): boolean {
  let found = false;
  let compared = false;
  for (const secret of client?.secrets ?? []) {
    if (secret.kind !== "digest") continue;
    compared = true;
    if (timingSafeEqual(secret.sha256, digest) && isCurrent(secret, now)) found = true;
  }
  if (!compared) timingSafeEqual(DECOY, digest);
  return found;
}

/** The client that a secret identifies by itself (generated secrets only). */
export function clientBySecret(clients: ClientSet, digest: Buffer): Client | undefined {
  return clients.bySecretDigest.get(digest.toString("hex"));
}
