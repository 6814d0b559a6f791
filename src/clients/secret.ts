/**
 * Clients with a secret. What is cheap is compared first, so that a right secret is never refused; only then does the
 * limiter decide whether a slow hash is worth it.
 */
import { hash } from "node:crypto";
import { isSameDigest } from "../crypto/constant-time.js";
import type { Clock } from "../time/clock.js";
import { addressBlock } from "../limits/address-block.js";
import type { FailedLoginLimiter } from "../limits/limiter.js";
import { type Client, isCurrent } from "./client.js";
import type { ClientRegistry, ClientSet } from "./client-registry.js";
import type { SecretPair } from "./presented.js";
import type { ScryptCache, SlowAttempt } from "./scrypt-cache.js";

/** What came of the attempt. */
export type SecretOutcome =
  | { readonly outcome: "authenticated"; readonly client: Client }
  | { readonly outcome: "failed" }
  /** Not looked at, since a slow hash would be needed and there have been too many failures. */
  | { readonly outcome: "limited" };

/** What checking a secret takes. */
export interface SecretDependencies {
  readonly registry: ClientRegistry;
  readonly limiter: FailedLoginLimiter;
  readonly scrypt: ScryptCache;
  readonly clock: Clock;
}

/** What was presented, and from where. */
export interface SecretAttempt {
  /** To try in order. */
  readonly pairs: readonly SecretPair[];
  /** The id that failures are charged to, whether or not it exists. */
  readonly claimedId: string | undefined;
  readonly address: string;
}

/** Tries the pairs in order. At once where no slow hash is needed. */
export function authenticateBySecret(
  { pairs, claimedId, address }: SecretAttempt,
  dependencies: SecretDependencies,
): SecretOutcome | Promise<SecretOutcome> {
  const { registry, limiter, scrypt, clock } = dependencies;
  const clients = registry.current;
  for (const { clientId, secret } of pairs) {
    const digest = secretDigest(secret);
    const client = claimed(clients, clientId, digest);
    const right = hasDigest(client, digest, clock()) || (clientId !== undefined && scrypt.remembers(client, secret));
    if (right && client !== undefined && !client.disabled) return { outcome: "authenticated", client };
  }
  if (!clients.usesSlowSecrets) return { outcome: "failed" };
  if (!limiter.allows(claimedId, address)) return { outcome: "limited" };
  const origin = { address: addressBlock(address), isNoisy: !limiter.allows(undefined, address) };
  return authenticateSlowly(pairs, { claimedId, origin }, dependencies);
}

async function authenticateSlowly(
  pairs: readonly SecretPair[],
  attempt: SlowAttempt,
  { registry, scrypt }: SecretDependencies,
): Promise<SecretOutcome> {
  for (const { clientId, secret } of pairs) {
    // A chosen secret never says by itself whose it is: without an id, the hash only takes the time that it takes.
    const client = clientId === undefined ? undefined : registry.current.byId.get(clientId);
    const right = await scrypt.check(client, secret, attempt);
    // The settings may have changed meanwhile: a client that is gone since must not begin one more session.
    const present = client && registry.current.byId.get(client.id);
    if (right && present !== undefined && !present.disabled) return { outcome: "authenticated", client: present };
  }
  return { outcome: "failed" };
}

function claimed(clients: ClientSet, clientId: string | undefined, digest: string): Client | undefined {
  return clientId === undefined ? clientBySecret(clients, digest) : clients.byId.get(clientId);
}

/** Compared with when there is nothing to compare with, so that an unknown client costs what a known one does. */
const DECOY = "0".repeat(64);

/** SHA-256 of a secret (in UTF-8), in lower-case hex, as the settings spell it. */
export function secretDigest(secret: string): string {
  return hash("sha256", secret, "hex");
}

/**
 * Whether the digest is that of one of the client's current secrets. All are compared, each in constant time, so that
 * the time says neither which one it was nor whether the client exists.
 */
export function hasDigest(client: Client | undefined, digest: string, nowMs: number): boolean {
  let found = false;
  let compared = false;
  for (const secret of client?.secrets ?? []) {
    if (secret.kind !== "digest") continue;
    compared = true;
    if (isSameDigest(secret.sha256, digest) && isCurrent(secret, nowMs)) found = true;
  }
  if (!compared) isSameDigest(DECOY, digest);
  return found;
}

/** The client that a secret identifies by itself (generated secrets only). */
export function clientBySecret(clients: ClientSet, digest: string): Client | undefined {
  return clients.bySecretDigest.get(digest);
}
