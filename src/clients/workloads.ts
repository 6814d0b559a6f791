/**
 * The clients of workload rules. None of them is stored. A token's subject gives the id, and the id gives the subject back:
 * a replica finds the record of an id that it never saw. Knows no token and no key.
 */
import type { Client } from "./client.js";
import { type SubjectParts, partsOf } from "./subject-pattern.js";
import { type WorkloadIdentity, type WorkloadRule, judge, subjectOf } from "./workload-rule.js";

/** The rules of one state of the settings. */
export interface Workloads {
  readonly rules: readonly WorkloadRule[];
  /** The names of the rules that match, and the client if it is one rule. */
  match(identity: WorkloadIdentity): WorkloadMatch;
  /** The client of a derived id. Undefined if no rule derives it, or its subject belongs to a registered client. */
  find(clientId: string): Client | undefined;
  /** Whether an id or a subject begins like those of a rule: nobody else may have it. */
  reserves(name: string): boolean;
  /** The ids that rules derive from a subject, whatever its other claims are. */
  idsOf(issuer: string, subject: string): readonly string[];
}

export interface WorkloadMatch {
  readonly client: Client | undefined;
  readonly rules: readonly string[];
}

/** Each rule with its pattern in parts. */
interface Compiled {
  readonly rule: WorkloadRule;
  readonly pattern: SubjectParts;
}

/**
 * Half of the derived clients that are kept. Each is an object with the members of its rule's record, about 200 bytes;
 * the token that was prepared for it, which makes its next one cheap, stays with it.
 */
const HALF_OF_CACHE = 8192;

/**
 * `isRegistered` says whether a registered client has the identity: then no rule has it, whatever the client may do.
 */
export function createWorkloads(
  rules: readonly WorkloadRule[],
  isRegistered: (issuer: string, subject: string) => boolean,
): Workloads {
  const compiled: readonly Compiled[] = rules.map((rule) => ({ rule, pattern: partsOf(rule.subject) }));
  const byIssuer = Map.groupBy(compiled, ({ rule }) => rule.issuer);
  const derived = createClientCache();

  function derive(clientId: string): Client | undefined {
    for (const { rule, pattern } of compiled) {
      const subject = subjectOf(rule, pattern, clientId);
      if (subject === undefined || isRegistered(rule.issuer, subject)) continue;
      return { ...rule.template, id: clientId };
    }
    return undefined;
  }

  function find(clientId: string): Client | undefined {
    const known = derived.get(clientId);
    if (known !== undefined || compiled.length === 0) return known;
    const client = derive(clientId);
    if (client !== undefined) derived.put(client);
    return client;
  }

  return {
    rules,
    match(identity) {
      const found: { readonly name: string; readonly clientId: string }[] = [];
      for (const { rule, pattern } of byIssuer.get(identity.issuer) ?? []) {
        const verdict = judge(rule, pattern, identity);
        if ("clientId" in verdict) found.push({ name: rule.name, clientId: verdict.clientId });
      }
      const [first, ...others] = found;
      // Two rules would give two records: neither is chosen.
      const client = first === undefined || others.length > 0 ? undefined : find(first.clientId);
      return { client, rules: found.map(({ name }) => name) };
    },
    find,
    reserves: (name) => compiled.some(({ rule }) => name.startsWith(rule.prefix)),
    idsOf: (issuer, subject) =>
      (byIssuer.get(issuer) ?? []).flatMap(({ rule, pattern }) => {
        const verdict = judge({ ...rule, claims: {} }, pattern, { issuer, subject, claims: {} });
        return "clientId" in verdict ? [verdict.clientId] : [];
      }),
  };
}

/** The newest clients; the older half is forgotten when it is full. */
function createClientCache() {
  let young = new Map<string, Client>();
  let old = new Map<string, Client>();

  function put(client: Client): void {
    if (young.size >= HALF_OF_CACHE) {
      old = young;
      young = new Map();
    }
    young.set(client.id, client);
  }

  return {
    put,
    get(clientId: string): Client | undefined {
      const known = young.get(clientId);
      if (known !== undefined) return known;
      const older = old.get(clientId);
      if (older !== undefined) put(older);
      return older;
    },
  };
}
