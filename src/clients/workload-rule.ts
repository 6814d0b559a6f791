/** A rule that makes clients of a class of workloads: what it matches, and which client a matching token stands for. */
import { hash } from "node:crypto";
import type { JsonObject, JsonValue } from "../oauth/json.js";
import { isJsonObject } from "../oauth/json.js";
import { unmetCondition } from "./claim-conditions.js";
import type { Client } from "./client.js";
import { type SubjectParts, countStars, isMatchedValue, matchParts, partsOf, subjectWith } from "./subject-pattern.js";

/** Longer derived ids do not exist: a token that would have one does not match. */
export const MAX_DERIVED_ID = 255;

/** A rule, as the settings make it. */
export interface WorkloadRule {
  readonly name: string;
  /** `iss` of the tokens that it matches, byte for byte. */
  readonly issuer: string;
  readonly subject: string;
  /** Conditions on the other claims. */
  readonly claims: JsonObject;
  /** Subjects that it never matches. */
  readonly except: readonly string[];
  /** All its client ids begin with this. Without a `*` in the subject it is the only id. */
  readonly prefix: string;
  /** The record of each of its clients, but for the id. */
  readonly template: Client;
}

/** A verified token of a workload, as far as rules look at it. */
export interface WorkloadIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly claims: JsonObject;
}

/** Which client a token stands for by one rule, or why by none. */
export type RuleVerdict = { readonly clientId: string } | { readonly whyNot: string };

/** Judges a token by one rule. */
export function judge(rule: WorkloadRule, pattern: SubjectParts, identity: WorkloadIdentity): RuleVerdict {
  const { issuer, subject, claims } = identity;
  if (rule.issuer !== issuer) return { whyNot: "the issuer is another one" };
  const values = matchParts(pattern, partsOf(subject));
  if (values === undefined) return { whyNot: "the subject does not match" };
  if (rule.except.includes(subject)) return { whyNot: "the subject is excepted" };
  const unmet = unmetCondition(rule.claims, claims);
  if (unmet !== undefined) return { whyNot: `the claim ${unmet} does not meet its condition` };
  const clientId = rule.prefix + values.join("/");
  if (clientId.length > MAX_DERIVED_ID) {
    return { whyNot: `the client id would be longer than ${MAX_DERIVED_ID} characters` };
  }
  return { clientId };
}

/** The subject of a client id that a rule derives; undefined if it derives no such id. */
export function subjectOf(rule: WorkloadRule, pattern: SubjectParts, clientId: string): string | undefined {
  if (!clientId.startsWith(rule.prefix) || clientId.length > MAX_DERIVED_ID) return undefined;
  const rest = clientId.slice(rule.prefix.length);
  const values = rest === "" ? [] : rest.split("/");
  if (values.length !== countStars(pattern) || !values.every(isMatchedValue)) return undefined;
  const subject = subjectWith(pattern, values);
  return rule.except.includes(subject) ? undefined : subject;
}

/**
 * Names what a rule matches. A token of a client carries the name, and is not refreshed once its rule has changed. The order
 * in which the settings are written makes no difference.
 */
export function ruleDigest(rule: Pick<WorkloadRule, "issuer" | "subject" | "claims" | "except" | "prefix">): string {
  const { issuer, subject, claims, except, prefix } = rule;
  const matched = canonical([issuer, subject, claims, except.toSorted(), prefix]);
  return hash("sha256", matched, "base64url").slice(0, DIGEST_LENGTH);
}

/** 132 bits. */
const DIGEST_LENGTH = 22;

function canonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const names = Object.keys(value).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name] ?? null)}`).join(",")}}`;
}
