import type { Client, ClientSecret } from "./client.js";
import type { ClientSet } from "./client-registry.js";

/** A secret, and the client that it is of. */
export interface FoundSecret {
  readonly client: Client;
  readonly secret: ClientSecret;
}

const byClients = new WeakMap<ClientSet, ReadonlyMap<string, FoundSecret>>();

/**
 * The client that has a secret of this digest, expired ones and disabled clients too. For the log alone: the index is
 * made when the first refusal of one state of the settings is explained.
 */
export function ownerOfDigest(clients: ClientSet, digest: string): FoundSecret | undefined {
  let index = byClients.get(clients);
  if (index === undefined) {
    index = indexOf(clients);
    byClients.set(clients, index);
  }
  return index.get(digest);
}

function indexOf({ byId }: ClientSet): ReadonlyMap<string, FoundSecret> {
  const index = new Map<string, FoundSecret>();
  for (const client of byId.values()) {
    for (const secret of client.secrets) if (secret.kind === "digest") index.set(secret.sha256, { client, secret });
  }
  return index;
}
