/** What a reload changed, by name: for the audit. */
import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { ClientSet } from "../clients/client-registry.js";
import type { TrustedIssuer } from "../issuers/trusted-issuer.js";
import type { NamedChanges, SettingsChange } from "../telemetry/settings-record.js";

export interface Settings {
  readonly clients: ClientSet;
  readonly trustedIssuers: readonly TrustedIssuer[];
}

/** Compared between two turns of the event loop: about a millisecond or two. */
const COMPARED_AT_ONCE = 200;

/** Other work gets its turn meanwhile, however many clients there are. */
export async function changeOfSettings(before: Settings, after: Settings): Promise<SettingsChange> {
  const rules = ({ clients }: Settings) => new Map(clients.workloads.rules.map((rule) => [rule.name, rule]));
  const issuers = ({ trustedIssuers }: Settings) => new Map(trustedIssuers.map((issuer) => [issuer.issuer, issuer]));
  return {
    clients: await changes(before.clients.byId, after.clients.byId),
    workloads: await changes(rules(before), rules(after)),
    trustedIssuers: await changes(issuers(before), issuers(after)),
  };
}

async function changes(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): Promise<NamedChanges> {
  const added: string[] = [];
  const changed: string[] = [];
  let compared = 0;
  for (const [name, value] of after) {
    if (!before.has(name)) added.push(name);
    else if (!isDeepStrictEqual(before.get(name), value)) changed.push(name);
    if (++compared % COMPARED_AT_ONCE === 0) await setImmediate();
  }
  return { added, changed, removed: [...before.keys()].filter((name) => !after.has(name)) };
}
