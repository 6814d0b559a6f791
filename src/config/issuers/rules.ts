/** Owns the rules between trusted issuers: no user of one may look like a user of another. */
import { namesUsers } from "../../issuers/trusted-issuer.js";
import type { FoundIssuer } from "./read.js";
import { type Findings, inside, spellSpot } from "../reading/problem.js";

/** Checks all trusted issuers together. */
export function checkIssuers(issuers: readonly FoundIssuer[], findings: Findings): void {
  for (const [index, one] of issuers.entries()) {
    for (const other of issuers.slice(0, index)) {
      checkPair(one, other, findings);
    }
  }
}

function checkPair(one: FoundIssuer, other: FoundIssuer, findings: Findings): void {
  const { issuer, spot } = one;
  if (issuer.issuer !== "" && issuer.issuer === other.issuer.issuer) {
    findings.problem(inside(spot, "issuer"), `is trusted already, at ${spellSpot(other.spot)}`);
  }
  if (issuer.trustDomain !== undefined && issuer.trustDomain === other.issuer.trustDomain) {
    findings.problem(inside(spot, "trust_domain"), `is trusted already, at ${spellSpot(other.spot)}`);
  }
  if (!namesUsers(issuer) || !namesUsers(other.issuer)) return;
  const a = issuer.subject.prefix;
  const b = other.issuer.subject.prefix;
  if (a === "" || b === "" || !(a.startsWith(b) || b.startsWith(a))) return;
  const how = a === b ? "equals" : "begins like, or is the beginning of,";
  findings.problem(
    inside(spot, "subject", "prefix"),
    `${how} the prefix at ${spellSpot(other.spot)}: users of one could be named like users of the other`,
    '"idp2:"',
  );
}
