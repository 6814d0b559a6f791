/**
 * Authentication by a client secret (RFC 6749 section 2.3.1). Digests and cached secrets are compared first, so a
 * right one is never limited. Only then does the limiter decide about a slow hash.
 */
import { hash } from "node:crypto";
import { isSameDigest } from "../crypto/constant-time.js";
import type { Clock } from "../time/clock.js";
import { addressBlock } from "../limits/address-block.js";
import type { FailedLoginLimiter } from "../limits/limiter.js";
import { type Client, type ClientSecret, isCurrent } from "./client.js";
import type { ClientRegistry, ClientSet } from "./client-registry.js";
import type { SecretPair } from "./presented-credentials.js";
import type { ScryptCache, SlowAttempt } from "./scrypt-cache.js";
import type { FoundSecret } from "./secret-owners.js";

export type SecretOutcome =
  | { readonly outcome: "authenticated"; readonly client: Client; readonly secret: ClientSecret }
  /** `slow`: the chosen secret that would have been right, had it not expired or its client not been disabled. */
  | { readonly outcome: "failed"; readonly slow: FoundSecret | undefined }
  /** Not checked: it needs a slow hash, and there are too many failed logins. */
  | { readonly outcome: "limited" };

export interface SecretDependencies {
  readonly registry: ClientRegistry;
  readonly limiter: FailedLoginLimiter;
  readonly scrypt: ScryptCache;
  readonly clock: Clock;
}

export interface SecretAttempt {
  /** To try in order. */
  readonly pairs: readonly SecretPair[];
  /** The id that failures are charged to, whether or not it exists. */
  readonly claimedId: string | undefined;
  readonly address: string;
}

/** Returns a promise only if a slow hash is needed. */
export function authenticateBySecret(
  { pairs, claimedId, address }: SecretAttempt,
  dependencies: SecretDependencies,
): SecretOutcome | Promise<SecretOutcome> {
  const { registry, limiter, scrypt, clock } = dependencies;
  const clients = registry.current;
  for (const { clientId, secret } of pairs) {
    const digest = secretDigest(secret);
    const client = claimed(clients, clientId, digest);
    const right =
      matching(client, digest, clock()) ?? (clientId === undefined ? undefined : scrypt.remembers(client, secret));
    if (right !== undefined && client !== undefined && !client.disabled) {
      return { outcome: "authenticated", client, secret: right };
    }
  }
  if (!clients.usesSlowSecrets) return { outcome: "failed", slow: undefined };
  if (!limiter.allows(claimedId, address)) return { outcome: "limited" };
  const origin = { address: addressBlock(address), isNoisy: !limiter.allows(undefined, address) };
  return authenticateSlowly(pairs, { claimedId, origin }, dependencies);
}

async function authenticateSlowly(
  pairs: readonly SecretPair[],
  attempt: SlowAttempt,
  { registry, scrypt, clock }: SecretDependencies,
): Promise<SecretOutcome> {
  let slow: FoundSecret | undefined;
  for (const { clientId, secret } of pairs) {
    // A chosen secret does not identify its client. Without an id, the hash of a decoy takes the same time.
    const client = clientId === undefined ? undefined : registry.current.byId.get(clientId);
    const right = await scrypt.check(client, secret, attempt);
    if (right === undefined || client === undefined) continue;
    // The settings can change during the hash: a client that is removed must not begin a session.
    const present = registry.current.byId.get(client.id);
    if (present !== undefined && !present.disabled && isCurrent(right, clock())) {
      return { outcome: "authenticated", client: present, secret: right };
    }
    slow = { client, secret: right };
  }
  return { outcome: "failed", slow };
}

function claimed(clients: ClientSet, clientId: string | undefined, digest: string): Client | undefined {
  return clientId === undefined ? clients.bySecretDigest.get(digest) : clients.byId.get(clientId);
}

/** Compared for a client without digests: an unknown client takes the time of a known one. */
const DECOY = "0".repeat(64);

/** SHA-256 of a secret (in UTF-8), in lower-case hex, as the settings spell it. */
export function secretDigest(secret: string): string {
  return hash("sha256", secret, "hex");
}

/**
 * The current secret of the client that has this digest. All are compared, each in constant time: the time tells
 * neither which one matched nor whether the client exists.
 */
function matching(client: Client | undefined, digest: string, nowMs: number): ClientSecret | undefined {
  let found: ClientSecret | undefined;
  let compared = false;
  for (const secret of client?.secrets ?? []) {
    if (secret.kind !== "digest") continue;
    compared = true;
    if (isSameDigest(secret.sha256, digest) && isCurrent(secret, nowMs)) found = secret;
  }
  if (!compared) isSameDigest(DECOY, digest);
  return found;
}
