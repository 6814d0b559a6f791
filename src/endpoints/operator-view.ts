/** What an operator may look at: clients with what became of them lately, and what is revoked. It changes nothing. */
import type { ClientActivity, KnownActivity } from "../clients/activity.js";
import { type ClientRegistry, type ClientSet, findClient } from "../clients/client-registry.js";
import type { Client } from "../clients/client.js";
import type { Revocation } from "../oauth/revocation.js";
import type { Clock } from "../time/clock.js";

export interface SecretView {
  readonly name: string;
  readonly expiresAt: number | undefined;
  readonly lastUsedAt: number | undefined;
}

export interface ClientView {
  readonly client: Client;
  readonly secrets: readonly SecretView[];
  readonly lastTokenAt: number | undefined;
  /** Of the last hour, the most frequent first. */
  readonly refusals: readonly { readonly reason: string; readonly count: number }[];
}

export interface ClientsPage {
  readonly clients: readonly ClientView[];
  /** Since when uses are recorded; undefined: nobody knows now. Milliseconds. */
  readonly usesSince: number | undefined;
  /** Ends with this client, if there are more. */
  readonly next: string | undefined;
}

export interface ClientsAsked {
  /** Only clients with a secret that expires within so long, or has expired. Milliseconds. */
  readonly expiringWithinMs: number | undefined;
  /** The clients after this id. */
  readonly after: string | undefined;
  readonly atMost: number;
}

export type RevocationKind = Revocation["kind"];

export interface RevocationsInForce {
  readonly revocations: readonly Revocation[];
  /** Of each kind, all that are in force. */
  readonly counts: ReadonlyMap<RevocationKind, number>;
}

export interface OperatorView {
  /** In the order of their ids. Clients that rules derive are those that got a token. */
  clients(asked: ClientsAsked): Promise<ClientsPage>;
  /** The broad ones first. */
  revocations(atMost: number): RevocationsInForce;
}

export interface OperatorViewDependencies {
  readonly registry: ClientRegistry;
  readonly activity: Pick<ClientActivity, "known">;
  readonly revocations: { inForce(): Iterable<Revocation> };
  readonly clock: Clock;
}

export function createOperatorView({ registry, activity, revocations, clock }: OperatorViewDependencies): OperatorView {
  return {
    async clients({ expiringWithinMs, after, atMost }) {
      const known = await activity.known();
      const clients = registry.current;
      const until = expiringWithinMs === undefined ? undefined : clock() + expiringWithinMs;
      const found: ClientView[] = [];
      for (const id of idsOf(clients, known)) {
        if (after !== undefined && id <= after) continue;
        const client = findClient(clients, id);
        if (client === undefined || (until !== undefined && !expiresBy(client, until))) continue;
        if (found.length === atMost) return { clients: found, usesSince: known.since, next: found.at(-1)?.client.id };
        found.push(viewOf(client, known));
      }
      return { clients: found, usesSince: known.since, next: undefined };
    },
    revocations(atMost) {
      const listed: Revocation[] = [];
      const counts = new Map<RevocationKind, number>();
      for (const revocation of revocations.inForce()) {
        counts.set(revocation.kind, (counts.get(revocation.kind) ?? 0) + 1);
        if (listed.length < atMost) listed.push(revocation);
      }
      return { revocations: listed, counts };
    },
  };
}

/** Sorted by code units, as `after` compares. */
function idsOf(clients: ClientSet, { clientIds }: KnownActivity): readonly string[] {
  const derived = clientIds.filter((id) => !clients.byId.has(id) && clients.workloads.reserves(id));
  return [...clients.byId.keys(), ...derived].toSorted((a, b) => (a < b ? -1 : 1));
}

function expiresBy({ disabled, secrets }: Client, until: number): boolean {
  return !disabled && secrets.some(({ expiresAt }) => expiresAt !== undefined && expiresAt <= until);
}

function viewOf(client: Client, known: KnownActivity): ClientView {
  const { id, secrets } = client;
  const refusals = Array.from(known.refusals.get(id) ?? [], ([reason, count]) => ({ reason, count }));
  return {
    client,
    secrets: secrets.map(({ name, expiresAt }) => ({ name, expiresAt, lastUsedAt: known.lastUse(id, name) })),
    lastTokenAt: known.lastToken(id),
    refusals: refusals.toSorted((a, b) => b.count - a.count),
  };
}
