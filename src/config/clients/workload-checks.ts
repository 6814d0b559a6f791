/** Rules between workload rules, and between them and everything else that names somebody. */
import { areDisjoint } from "../../clients/claim-conditions.js";
import { commonPattern, countStars, matchParts, partsOf } from "../../clients/subject-pattern.js";
import type { WorkloadRule } from "../../clients/workload-rule.js";
import { namesUsers } from "../../issuers/trusted-issuer.js";
import type { FoundIssuer } from "../issuers/read.js";
import { type Findings, type Spot, inside, spellSpot } from "../reading/problem.js";
import type { FoundClient } from "./read.js";
import { OWNER_CLAIMS } from "./shared-issuers.js";
import type { FoundWorkload } from "./workload-read.js";

export interface WorkloadSurroundings {
  readonly clients: readonly FoundClient[];
  readonly issuers: readonly FoundIssuer[];
}

/** A rule that is whole, and where it stands. */
interface Placed {
  readonly rule: WorkloadRule;
  readonly spot: Spot;
}

export function checkWorkloads(
  workloads: readonly FoundWorkload[],
  { clients, issuers }: WorkloadSurroundings,
  findings: Findings,
): void {
  checkNames(workloads, findings);
  for (const workload of workloads) checkIssuer(workload, issuers, findings);
  const placed = workloads.flatMap(({ rule, spot }): Placed[] => (rule === undefined ? [] : [{ rule, spot }]));
  for (const [index, one] of placed.entries()) {
    for (const other of placed.slice(0, index)) {
      checkOverlap(one, other, findings);
      checkPrefixes(one, other.rule.prefix, `the client ids at ${spellSpot(other.spot)}`, findings);
    }
    checkAgainstOthers(one, clients, issuers, findings);
  }
}

function checkNames(workloads: readonly FoundWorkload[], findings: Findings): void {
  const names = new Map<string, Spot>();
  for (const { yaml, spot } of workloads) {
    if (yaml.name === undefined) continue;
    const at = inside(spot, "name");
    const first = names.get(yaml.name);
    if (first === undefined) names.set(yaml.name, at);
    else findings.problem(at, `is the name of another rule already, at ${spellSpot(first)}`);
  }
}

function checkIssuer({ yaml, spot }: FoundWorkload, issuers: readonly FoundIssuer[], findings: Findings): void {
  if (yaml.issuer === undefined) return;
  const trusted = issuers.find(({ issuer }) => issuer.issuer === yaml.issuer)?.issuer;
  if (trusted?.use.has("client_assertion") !== true) {
    const reason =
      trusted === undefined ? "is not among trusted_issuers" : "is trusted, but its use lacks client_assertion";
    findings.problem(inside(spot, "issuer"), reason, "trusted_issuers: [{ issuer: ..., use: [client_assertion] }]");
  }
  const domain = trusted?.trustDomain;
  if (domain !== undefined && yaml.subject?.startsWith(`spiffe://${domain}/`) === false) {
    findings.problem(
      inside(spot, "subject"),
      `matches nothing: subjects of this issuer begin with spiffe://${domain}/`,
    );
  }
  const owners = OWNER_CLAIMS.get(yaml.issuer.replace(/\/+$/, ""));
  if (owners !== undefined && !owners.some((claim) => Object.hasOwn(yaml.claims ?? {}, claim))) {
    const reason = `must name the owner, as anybody can have a token of this issuer: one of ${owners.join(", ")}`;
    findings.problem(inside(spot, "claims"), reason, `{ ${owners[0] ?? ""}: "123456" }`);
  }
}

/** A token that two rules match is refused: which record it would get must not depend on their order. */
function checkOverlap(one: Placed, other: Placed, findings: Findings): void {
  if (one.rule.issuer !== other.rule.issuer) return;
  const common = commonPattern(partsOf(one.rule.subject), partsOf(other.rule.subject));
  if (common === undefined || areDisjoint(one.rule.claims, other.rule.claims)) return;
  const subject = common.join("");
  const isExcepted = countStars(common) === 0 && [one, other].some(({ rule }) => rule.except.includes(subject));
  if (isExcepted) return;
  const reason = `overlaps with the rule at ${spellSpot(other.spot)}: both match ${subject}, and such a token is refused`;
  findings.problem(inside(one.spot, "subject"), reason);
}

function checkAgainstOthers(
  one: Placed,
  clients: readonly FoundClient[],
  issuers: readonly FoundIssuer[],
  findings: Findings,
): void {
  for (const { yaml, spot } of clients) {
    if (yaml.id !== undefined) checkPrefixes(one, yaml.id, `the client at ${spellSpot(spot)}`, findings);
    const isTaken = (yaml.federated ?? []).some(
      (identity) => identity?.issuer === one.rule.issuer && identity.subject === one.rule.subject,
    );
    if (isTaken && countStars(partsOf(one.rule.subject)) === 0) {
      findings.problem(
        inside(one.spot, "subject"),
        `matches nothing: the client at ${spellSpot(spot)} has this identity`,
      );
    }
  }
  for (const { issuer, spot } of issuers) {
    const { prefix } = issuer.subject;
    if (namesUsers(issuer) && prefix !== "") {
      checkPrefixes(one, prefix, `the users of the issuer at ${spellSpot(spot)}`, findings);
    }
  }
}

/** Of two names, neither may begin the other: an id says by its beginning whose it is. */
function checkPrefixes({ rule, spot }: Placed, name: string, whose: string, findings: Findings): void {
  if (!rule.prefix.startsWith(name) && !name.startsWith(rule.prefix)) return;
  const reason = `has a prefix (${rule.prefix}) that begins like ${whose} (${name}): one could be taken for the other`;
  findings.problem(inside(spot, "client_id"), reason, '"workloads/shop/{1}"');
}

/** Whether a rule could derive this client id. */
export function isDerived(id: string, workloads: readonly FoundWorkload[]): boolean {
  return workloads.some(({ rule }) => {
    if (rule === undefined || !id.startsWith(rule.prefix)) return false;
    const stars = countStars(partsOf(rule.subject));
    const ids = Array.from({ length: stars }, () => "*").join("/");
    return stars === 0
      ? id === rule.prefix
      : matchParts(partsOf(ids), partsOf(id.slice(rule.prefix.length))) !== undefined;
  });
}
