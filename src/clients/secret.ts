import { hash } from "node:crypto";
import { isSameDigest } from "../crypto/constant-time.js";
import type { Client, ClientSecret } from "./client.js";
import type { ClientSet } from "./client-registry.js";

/** Compared with when there is nothing to compare with, so that an unknown client costs what a known one does. */
const DECOY = "0".repeat(64);

/** SHA-256 of a secret (in UTF-8), in lower-case hex, as the settings spell it. */
export function secretDigest(secret: string): string {
  return hash("sha256", secret, "hex");
}

/** Whether a secret may still be used at `now` (milliseconds). */
export function isCurrent(secret: ClientSecret, now: number): boolean {
  return secret.expiresAt === undefined || now < secret.expiresAt;
}

/**
 * Whether the digest is that of one of the client's current secrets. All are compared, each in constant time, so that
 * the time says neither which one it was nor whether the client exists.
 */
export function hasDigest(client: Client | undefined, digest: string, now: number): boolean {
  let found = false;
  let compared = false;
  for (const secret of client?.secrets ?? []) {
    if (secret.kind !== "digest") continue;
    compared = true;
    if (isSameDigest(secret.sha256, digest) && isCurrent(secret, now)) found = true;
  }
  if (!compared) isSameDigest(DECOY, digest);
  return found;
}

/** The client that a secret identifies by itself (generated secrets only). */
export function clientBySecret(clients: ClientSet, digest: string): Client | undefined {
  return clients.bySecretDigest.get(digest);
}
