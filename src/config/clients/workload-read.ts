/** Makes a workload rule from its YAML, and checks everything that can be wrong in one rule by itself. */
import { isExact, valuesOf } from "../../clients/claim-conditions.js";
import { countStars, matchParts, partsOf } from "../../clients/subject-pattern.js";
import { type WorkloadRule, ruleDigest } from "../../clients/workload-rule.js";
import { type JsonObject, isJsonObject } from "../../oauth/json.js";
import { isSubject } from "../../oauth/subject.js";
import { type Readable, present } from "../reading/by-schema.js";
import { type Findings, type Spot, inside } from "../reading/problem.js";
import { type ClientDefaults, checkRecord, readRecord } from "./read.js";
import type { workloadSchema } from "./workload-schema.js";

export type WorkloadYaml = NonNullable<Readable<typeof workloadSchema>>;

/** A rule and where it stands. Undefined where it is too wrong to be compared with others. */
export interface FoundWorkload {
  readonly yaml: WorkloadYaml;
  readonly spot: Spot;
  readonly rule: WorkloadRule | undefined;
}

/** Reads one rule. With problems reported the record is not fit for use, but others can be compared with it. */
export function readWorkload(
  yaml: WorkloadYaml,
  spot: Spot,
  defaults: ClientDefaults,
  findings: Findings,
): FoundWorkload {
  const { name, issuer, subject, claims = {} } = yaml;
  const isPattern = subject !== undefined && checkSubject(subject, inside(spot, "subject"), findings);
  const prefix = isPattern ? readPrefix(yaml, partsOf(subject), inside(spot, "client_id"), findings) : undefined;
  checkConditions(claims, inside(spot, "claims"), findings);
  const except = present(yaml.except);
  if (isPattern) checkExcept(except, subject, inside(spot, "except"), findings);
  checkRecord(yaml, defaults, spot, findings);
  const record = readRecord(yaml, defaults, spot, findings);
  if (name === undefined || issuer === undefined || subject === undefined || prefix === undefined) {
    return { yaml, spot, rule: undefined };
  }
  const match = { issuer, subject, claims, except, prefix };
  const template = {
    ...record,
    id: "",
    name,
    secrets: [],
    federated: [],
    keys: undefined,
    singleUse: false,
    claims: {},
    // Whom it may act for is said, or it is nobody.
    actForIssuers: record.actForIssuers ?? new Set<string>(),
    unsecuredSubjects: undefined,
    workload: { rule: name, digest: ruleDigest(match) },
  };
  return { yaml, spot, rule: { name, ...match, template } };
}

const PATTERN_EXAMPLE = '"system:serviceaccount:shop:*"';

/** Whether the subject is a pattern that can match something, and not everything. */
function checkSubject(subject: string, spot: Spot, findings: Findings): boolean {
  const parts = partsOf(subject);
  const reason = wrongSubject(subject, parts);
  if (reason !== undefined) findings.problem(spot, reason, PATTERN_EXAMPLE);
  else if (EVERYTHING.test(subject)) {
    findings.warning(spot, "matches every workload of the issuer: name a namespace, or a path, where you can");
  }
  return reason === undefined;
}

function wrongSubject(subject: string, parts: readonly string[]): string | undefined {
  if (!isSubject(subject)) return "matches nothing: no token may have such a subject";
  if (parts.some((part) => part !== "*" && part.includes("*"))) {
    return "may hold * only as a whole part between : or /, as a part of a name is no boundary";
  }
  if (parts[0] === "*" || parts[0] === "") return "must begin with a part of its own: else it could match anything";
  if (subject.startsWith("system:serviceaccount:") && parts.length !== KUBERNETES_PARTS) {
    return "matches nothing: a service account is system:serviceaccount:NAMESPACE:NAME";
  }
  return undefined;
}

/** `system`, `serviceaccount`, a namespace and a name, and the delimiters between them. */
const KUBERNETES_PARTS = 7;

/** All service accounts of a cluster; all paths of a SPIFFE trust domain. */
const EVERYTHING = /^(?:system:serviceaccount:\*:\*|spiffe:\/\/[^/]+(?:\/\*)+)$/;

/** The client ids begin with this. Each `*` stands in them once, in order: no two subjects can have one id. */
function readPrefix(
  { client_id: clientId }: WorkloadYaml,
  pattern: readonly string[],
  spot: Spot,
  findings: Findings,
): string | undefined {
  if (clientId === undefined) return undefined;
  const stars = countStars(pattern);
  const tail = Array.from({ length: stars }, (_, at) => `{${at + 1}}`).join("/");
  const prefix = clientId.slice(0, clientId.length - tail.length);
  const isWhole = clientId.endsWith(tail) && (stars === 0 ? PLAIN : PREFIX).test(prefix);
  if (isWhole && prefix.length <= MAX_PREFIX) return prefix;
  const form = stars === 0 ? "a plain id, as the subject has no *" : `a prefix that ends with a slash, then ${tail}`;
  findings.problem(
    spot,
    `must be ${form}; the prefix has at most ${MAX_PREFIX} characters`,
    `"shop/${tail || "orders"}"`,
  );
  return undefined;
}

const PLAIN = /^[A-Za-z0-9._~@/-]+$/;
const PREFIX = /^[A-Za-z0-9._~@-][A-Za-z0-9._~@/-]*\/$/;
const MAX_PREFIX = 128;

function checkExcept(except: readonly string[], subject: string, spot: Spot, findings: Findings): void {
  for (const [index, excepted] of except.entries()) {
    const at = inside(spot, index);
    if (matchParts(partsOf(subject), partsOf(excepted)) === undefined) {
      findings.problem(at, "excepts nothing: it is compared as it stands, and subject does not match it");
    } else if (excepted === subject) {
      findings.problem(at, "excepts all that subject matches: the rule matches nothing");
    }
  }
}

/** Claims that are checked before any rule is, or that differ from token to token. */
const NOT_CONDITIONS: ReadonlySet<string> = new Set(["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]);

function checkConditions(claims: JsonObject, spot: Spot, findings: Findings): void {
  for (const name of Object.keys(claims)) {
    if (NOT_CONDITIONS.has(name)) {
      findings.problem(inside(spot, name), "is no condition for a rule: icemint checks it itself, or subject says it");
    }
  }
  checkLeaves(claims, spot, findings);
}

function checkLeaves(conditions: JsonObject, spot: Spot, findings: Findings): void {
  for (const [name, condition] of Object.entries(conditions)) {
    const at = inside(spot, name);
    if (isJsonObject(condition)) {
      if (Object.keys(condition).length === 0) findings.problem(at, "is empty: it would say nothing of the claim");
      checkLeaves(condition, at, findings);
      continue;
    }
    const values = valuesOf(condition);
    if (values.length === 0)
      findings.problem(at, "is empty: no token has any of no values, and the rule matches nothing");
    for (const value of values) {
      if (value === null || typeof value === "object") {
        findings.problem(at, "must be a string, a number, true or false, or a list of these", '"123"');
      } else if (!isExact(value)) {
        findings.problem(at, "is too large to compare exactly: put it in quotes if the token has a string");
      } else if (typeof value === "string" && value.includes("*")) {
        findings.warning(at, "is compared as it stands: * is no pattern in claims");
      }
    }
  }
}
