/** A reload ends the sessions of removed and disabled clients. This file has the rule and publishes nothing. */
import type { ClientSet } from "../clients/client-registry.js";
import type { WorkloadRule } from "../clients/workload-rule.js";
import type { Workloads } from "../clients/workloads.js";
import type { Revocation, RevocationView } from "../oauth/revocation.js";
import type { RevocationLog } from "../storage/revocation-log.js";

/**
 * One revocation for each client that was served before the change and is not served after it, and one for each workload
 * rule that is gone or matches something else. Every replica and every verifier that follows the stream then rejects
 * their tokens.
 */
export function revocationsOfChange(
  before: ClientSet,
  after: ClientSet,
  log: Pick<RevocationLog, "lastSessionEnd">,
  view: Pick<RevocationView, "latestStart">,
): readonly Revocation[] {
  const expiresAt = log.lastSessionEnd();
  const notBefore = view.latestStart("client", "");
  const gone = [...before.byId.values()]
    .filter((client) => !client.disabled && (after.byId.get(client.id)?.disabled ?? true))
    .map(({ id }) => id);
  // A workload that becomes a registered client is no longer that of a rule.
  const registered = [...after.byFederatedIdentity.keys()].filter((key) => !before.byFederatedIdentity.has(key));
  const replaced = registered.flatMap((key) => {
    const [issuer = "", subject = ""] = key.split("\n");
    return before.workloads.idsOf(issuer, subject);
  });
  const prefixBefore = view.latestStart("everything", "");
  return [
    ...[...gone, ...replaced].map((clientId) => ({ kind: "client" as const, clientId, notBefore, expiresAt })),
    ...changedPrefixes(before.workloads, after.workloads).map((prefix) => ({
      kind: "client_prefix" as const,
      prefix,
      notBefore: prefixBefore,
      expiresAt,
    })),
  ];
}

/** The prefixes of rules that are gone, disabled since, or match something else. A new name changes nothing. */
function changedPrefixes(before: Workloads, after: Workloads): readonly string[] {
  const served = new Set(after.rules.filter(({ template }) => !template.disabled).map(digestOf));
  return before.rules
    .filter((rule) => !rule.template.disabled && !served.has(digestOf(rule)))
    .map(({ prefix }) => prefix);
}

function digestOf({ template }: WorkloadRule): string | undefined {
  return template.workload?.digest;
}
