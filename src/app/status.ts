/** Gathers what the status page shows. */
import type { ClientActivity, KnownActivity } from "../clients/activity.js";
import type { ClientRegistry } from "../clients/client-registry.js";
import type { Config } from "../config/config.js";
import { pooledRandomId } from "../crypto/random-id.js";
import type { Operators } from "../endpoints/operator.js";
import type { KeyOperations } from "../keys/key-operations.js";
import type { RevocationTable } from "../revocations/table.js";
import { type Clock, DAY } from "../time/clock.js";
import type { AdminOptions, Part } from "../transport/admin.js";
import { type StatusFacts, statusPage } from "../transport/status-page.js";
import { nameOf } from "../oauth/revocation.js";

export interface StatusSources {
  readonly issuer: string;
  readonly registry: ClientRegistry;
  readonly activity: Pick<ClientActivity, "known">;
  readonly keys: Pick<KeyOperations, "list">;
  readonly table: Pick<RevocationTable, "inForce" | "size">;
  readonly parts: () => readonly Part[];
  readonly clock: Clock;
}

/** Who sees the page. Each look of a client that must prove itself is audited. */
export function statusFor(
  { statusPage: who }: Pick<Config, "statusPage">,
  operators: Operators,
  page: () => Promise<string>,
): AdminOptions["status"] {
  if (who === "off") return undefined;
  if (who === "open") return page;
  const requestId = pooledRandomId();
  return ({ authorization, address }) => {
    const caller = { requestId: requestId(), transport: "form" as const, address };
    return operators.run("view_status", { caller, credentials: { authorization } }, page);
  };
}

const SOON_MS = 30 * DAY;
const ROWS = 50;
const CLIENTS_NAMED = 10;

/** Returns the page. Looks that overlap share one reading. */
export function createStatus(sources: StatusSources): () => Promise<string> {
  let reading: Promise<string> | undefined;
  return () =>
    (reading ??= factsOf(sources)
      .then(statusPage)
      .finally(() => (reading = undefined)));
}

async function factsOf({ issuer, registry, activity, keys, table, parts, clock }: StatusSources): Promise<StatusFacts> {
  const known = await activity.known();
  const at = clock();
  return {
    at,
    issuer,
    parts: parts(),
    replicas: known.replicas.slice(0, ROWS),
    keys: keys
      .list()
      .slice(-ROWS)
      .map((key) => ({ ...key, retiredAt: key.retiredAt })),
    usesSince: known.since,
    secrets: secretsThatEnd(registry, known, at),
    refusals: refusalsByReason(known),
    revocations: revocationsIn(table),
  };
}

function secretsThatEnd(registry: ClientRegistry, known: KnownActivity, at: number): StatusFacts["secrets"] {
  const ending = [...registry.current.byId.values()].flatMap(({ id, disabled, secrets }) =>
    secrets.flatMap(({ name, expiresAt }) =>
      disabled || expiresAt === undefined || expiresAt > at + SOON_MS
        ? []
        : [{ client: id, name, expiresAt, lastUsedAt: known.lastUse(id, name) }],
    ),
  );
  return ending.toSorted((a, b) => a.expiresAt - b.expiresAt).slice(0, ROWS);
}

function refusalsByReason({ refusals }: KnownActivity): StatusFacts["refusals"] {
  const byReason = new Map<string, Map<string, number>>();
  for (const [client, reasons] of refusals) {
    for (const [reason, count] of reasons) {
      const clients = byReason.get(reason) ?? new Map<string, number>();
      byReason.set(reason, clients.set(client === "" ? "(no client)" : client, count));
    }
  }
  const rows = Array.from(byReason, ([reason, clients]) => {
    const most = [...clients].toSorted(([, a], [, b]) => b - a);
    const named = most.slice(0, CLIENTS_NAMED).map(([client, count]) => `${client} ${count}`);
    return { reason, count: most.reduce((sum, [, count]) => sum + count, 0), clients: named };
  });
  return rows.toSorted((a, b) => b.count - a.count).slice(0, ROWS);
}

/** The broad ones come first, and sessions may be a million: those that are not shown are counted by the table. */
function revocationsIn(table: StatusSources["table"]): StatusFacts["revocations"] {
  const shown: StatusFacts["revocations"]["shown"][number][] = [];
  const counts = new Map<string, number>();
  let broad = 0;
  for (const revocation of table.inForce()) {
    const { kind, expiresAt } = revocation;
    if (kind === "session" && shown.length >= ROWS) break;
    if (kind !== "session") counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (kind !== "session") broad++;
    if (shown.length < ROWS) shown.push({ kind, id: nameOf(revocation), expiresAt });
  }
  if (table.size > broad) counts.set("session", table.size - broad);
  return { counts: [...counts], shown };
}
