/** Workload rules in one line, as the settings make them. */
import type { Client } from "../../src/clients/client.js";
import { type WorkloadRule, ruleDigest } from "../../src/clients/workload-rule.js";
import { IDP, client } from "./core.js";

/** A rule for the service accounts of namespace `shop`; change what the test is about. */
export function workloadRule(
  changes: Partial<Omit<WorkloadRule, "template">> = {},
  record: Partial<Client> = {},
): WorkloadRule {
  const match = {
    name: "shop",
    issuer: IDP,
    subject: "system:serviceaccount:shop:*",
    claims: {},
    except: [],
    prefix: "shop/",
    ...changes,
  };
  const workload = { rule: match.name, digest: ruleDigest(match) };
  return { ...match, template: { ...client(""), secrets: [], actForIssuers: new Set(), ...record, workload } };
}
