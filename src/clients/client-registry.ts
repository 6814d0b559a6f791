/** The clients that exist now. A change of the settings replaces the whole set: a request sees one state. */
import type { Client } from "./client.js";
import type { WorkloadRule } from "./workload-rule.js";
import { type Workloads, createWorkloads } from "./workloads.js";

/** Immutable. One set for each state of the settings. */
export interface ClientSet {
  /** The registered ones. */
  readonly byId: ReadonlyMap<string, Client>;
  /** Clients by the hex SHA-256 of a secret that identifies them. */
  readonly bySecretDigest: ReadonlyMap<string, Client>;
  /** Clients by `issuer` and `subject` of a federated identity, joined by a newline. */
  readonly byFederatedIdentity: ReadonlyMap<string, Client>;
  /** Clients that rules derive from workloads' tokens. */
  readonly workloads: Workloads;
  /** Whether any client has a slow secret: then failures cost a slow hash everywhere. */
  readonly usesSlowSecrets: boolean;
  /** Whether any client's keys are fetched: then failed assertions take the same time everywhere. */
  readonly fetchesKeys: boolean;
}

/** The client of an id, registered or derived, disabled or not. */
export function findClient({ byId, workloads }: ClientSet, id: string): Client | undefined {
  return byId.get(id) ?? workloads.find(id);
}

export interface ClientRegistry {
  readonly current: ClientSet;
}

/** Ids, digests and federated identities are unique: the settings were checked for it. */
export function clientSet(clients: Iterable<Client>, rules: readonly WorkloadRule[] = []): ClientSet {
  const byId = new Map<string, Client>();
  const bySecretDigest = new Map<string, Client>();
  const byFederatedIdentity = new Map<string, Client>();
  let usesSlowSecrets = false;
  let fetchesKeys = false;
  for (const client of clients) {
    byId.set(client.id, client);
    if (client.keys?.kind === "uri") fetchesKeys = true;
    for (const secret of client.secrets) {
      if (secret.kind === "scrypt") usesSlowSecrets = true;
      else if (secret.identifies) bySecretDigest.set(secret.sha256, client);
    }
    for (const { issuer, subject } of client.federated) byFederatedIdentity.set(`${issuer}\n${subject}`, client);
  }
  const workloads = createWorkloads(rules, (issuer, subject) => byFederatedIdentity.has(`${issuer}\n${subject}`));
  return { byId, bySecretDigest, byFederatedIdentity, workloads, usesSlowSecrets, fetchesKeys };
}
