/**
 * Clients with a secret. What is cheap is compared first, so that a right secret is never refused; only then does the
 * limiter decide whether a slow hash is worth it.
 */
import type { Clock } from "../time/clock.js";
import { addressBlock } from "../limits/address-block.js";
import type { FailedLoginLimiter } from "../limits/limiter.js";
import type { SecretPair } from "./basic-credentials.js";
import type { Client } from "./client.js";
import type { ClientRegistry, ClientSet } from "./client-registry.js";
import { clientBySecret, hasDigest, secretDigest } from "./secret.js";
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
