/** The members of the audit record of a reload. */
import { jsonStrings } from "./json-text.js";

export interface NamedChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** Names of what is different since a reload. */
export interface SettingsChange {
  readonly clients: NamedChanges;
  readonly workloads: NamedChanges;
  readonly trustedIssuers: NamedChanges;
}

/** What made the server read its settings: a file that changed, or SIGHUP. */
export type ReloadTrigger = "file" | "signal";

/** Names in a record. Of more, the record has the number. */
const NAMES = 100;

export function settingsMembers({ clients, workloads, trustedIssuers }: SettingsChange): string {
  return members("clients", clients) + members("workloads", workloads) + members("trusted_issuers", trustedIssuers);
}

function members(of: string, changes: NamedChanges): string {
  let text = "";
  for (const how of ["added", "changed", "removed"] as const) {
    const names = changes[how];
    if (names.length > 0) text += `,"${of}_${how}":${jsonStrings(names.slice(0, NAMES))}`;
    if (names.length > NAMES) text += `,"${of}_${how}_in_all":${names.length}`;
  }
  return text;
}
