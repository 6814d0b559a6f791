/** Whom clients may act for: other clients, registered or derived, and the users of issuers. */
import { namesUsers } from "../../issuers/trusted-issuer.js";
import type { FoundIssuer } from "../issuers/read.js";
import { type Findings, type Spot, inside } from "../reading/problem.js";
import type { FoundClient, RecordYaml } from "./read.js";
import { isDerived } from "./workload-checks.js";
import type { FoundWorkload } from "./workload-read.js";

export interface DelegationParties {
  readonly clients: readonly FoundClient[];
  readonly workloads: readonly FoundWorkload[];
  readonly issuers: readonly FoundIssuer[];
}

export function checkDelegation({ clients, workloads, issuers }: DelegationParties, findings: Findings): void {
  const ids = new Set(clients.map(({ yaml }) => yaml.id));
  const withUsers = new Set(issuers.filter(({ issuer }) => namesUsers(issuer)).map(({ issuer }) => issuer.issuer));
  const records: readonly { readonly yaml: RecordYaml; readonly spot: Spot }[] = [...clients, ...workloads];
  for (const { yaml, spot } of records) {
    for (const [index, id] of (yaml.may_act_for ?? []).entries()) {
      if (id !== undefined && !ids.has(id) && !isDerived(id, workloads)) {
        findings.warning(inside(spot, "may_act_for", index), `names a client that does not exist (${id})`);
      }
    }
    for (const [index, issuer] of (yaml.act_for_issuers ?? []).entries()) {
      if (issuer !== undefined && !withUsers.has(issuer)) {
        const reason = "is not among trusted_issuers with use: [subject_token] or [id_jag]";
        findings.problem(inside(spot, "act_for_issuers", index), reason);
      }
    }
  }
}
