/**
 * Whether the present settings allow a user's token or a delegated token: its issuer is trusted, its client may name
 * the user, and its clients may act for one another. Settings change, so each refresh and each delegation checks again.
 */
import { copyClaims } from "../issuers/copied-claims.js";
import { type ClientRegistry, findClient } from "../clients/client-registry.js";
import type { Client } from "../clients/client.js";
import { type TrustedIssuer, namesUsers } from "../issuers/trusted-issuer.js";
import { type AccessToken, actingClients } from "../oauth/access-token.js";
import type { JsonObject } from "../oauth/json.js";
import { matchesGlob } from "./glob.js";

/** The subject, the clients that act, and the issuer that named the subject. */
export type Basis = Pick<
  AccessToken,
  "subject" | "clientId" | "actor" | "subjectIssuer" | "unsecuredSubject" | "ruleDigests"
>;

export interface Standing {
  /** Why the present settings do not allow the token. Undefined if they do. */
  whyLapsed(basis: Basis): string | undefined;
  /**
   * Whether every client in the token exists and is enabled, by the workload rule that it began under. One can be
   * removed or changed while no replica runs, without a revocation.
   */
  isServed(basis: Basis): boolean;
  /** Whether a client may act for the user of a token. True where the subject is a client. */
  mayActForUser(client: Client, basis: Basis): boolean;
  /** Whether a client has this id, or could have it by a workload rule; disabled or not. */
  isClient(id: string): boolean;
  /** Whether a client's record lets it name this subject by an unsecured token, and the subject can be nobody else. */
  mayNameUnsecured(client: Client, subject: string): boolean;
  /**
   * The claims that were copied from the user's token and that the settings still copy. Static claims are not among
   * them: a refresh adds the client's present ones, a delegation the new client's.
   */
  copiedClaims(token: Pick<AccessToken, "claims" | "copied">): JsonObject;
  /** Copied claims without those that no trusted issuer's settings name any more. */
  stillCopied(claims: JsonObject): JsonObject;
}

const NONE: JsonObject = {};

export function createStanding({
  registry,
  trustedIssuers,
}: {
  readonly registry: ClientRegistry;
  readonly trustedIssuers: () => readonly TrustedIssuer[];
}): Standing {
  const clientOf = (id: string): Client | undefined => findClient(registry.current, id);
  const isClient = (id: string): boolean => registry.current.byId.has(id) || registry.current.workloads.reserves(id);
  const isServedClient = (id: string): boolean => clientOf(id)?.disabled === false;

  /**
   * The issuer that named the user. A token of a release that did not record it belongs to the trusted issuer whose
   * prefix the subject has. Without a prefix nothing says whose it is, and it counts as nobody's.
   */
  const issuerOf = ({ subject, subjectIssuer }: Basis): string | undefined =>
    subjectIssuer ?? trustedIssuers().find((issuer) => hasPrefixOf(issuer, subject))?.issuer;

  /** Whether the subject is a user. Else it is a client, there or not. */
  const isUser = (basis: Basis): boolean => basis.unsecuredSubject || issuerOf(basis) !== undefined;

  /** The clients of a token: the one that it was issued to first, then each for which the one before acts. */
  function clientsOf(basis: Basis): readonly string[] {
    const actors = actingClients(basis.actor);
    const chain = actors[0] === basis.clientId || actors.length === 0 ? actors : [basis.clientId, ...actors];
    return isUser(basis) ? chain : [...chain, basis.subject];
  }

  /** The rules must be the same, neither more nor fewer: a derived id may belong to a registered client by now. */
  function hasPresentRules(basis: Basis): boolean {
    if (basis.ruleDigests.length === 0 && registry.current.workloads.rules.length === 0) return true;
    const digests = clientsOf(basis).flatMap((id) => clientOf(id)?.workload?.digest ?? []);
    const present = new Set(digests);
    return present.size === basis.ruleDigests.length && basis.ruleDigests.every((digest) => present.has(digest));
  }

  function mayActForUser({ actForIssuers, unsecuredSubjects }: Client, basis: Basis): boolean {
    if (actForIssuers === undefined || !isUser(basis)) return true;
    if (basis.unsecuredSubject) return unsecuredSubjects !== undefined;
    return actForIssuers.has(issuerOf(basis) ?? "");
  }

  function mayNameUnsecured(client: Client, subject: string): boolean {
    const isAllowed = client.unsecuredSubjects?.some((pattern) => matchesGlob(subject, pattern)) ?? false;
    return isAllowed && !isClient(subject) && !trustedIssuers().some((issuer) => hasPrefixOf(issuer, subject));
  }

  /** Why nobody could name the user now. `introducer` is the client that exchanged the user's own token. */
  function whyUnnamed(basis: Basis, introducer: string | undefined): string | undefined {
    const client = clientOf(introducer ?? "");
    if (client === undefined) return "no client stands for its user";
    if (basis.unsecuredSubject) {
      const may = mayNameUnsecured(client, basis.subject);
      return may ? undefined : "its client may not name the user by an unsecured token any more";
    }
    const named = issuerOf(basis);
    const issuer = trustedIssuers().find((trusted) => trusted.issuer === named && namesUsers(trusted));
    if (issuer === undefined || !basis.subject.startsWith(issuer.subject.prefix)) {
      return "its user's issuer is not trusted with users any more";
    }
    return isClient(basis.subject) ? "its user has the name of a client" : undefined;
  }

  function stillCopied(claims: JsonObject): JsonObject {
    return copyClaims(
      claims,
      trustedIssuers().flatMap((issuer) => issuer.copiedClaims),
    );
  }

  return {
    whyLapsed(basis) {
      const chain = clientsOf(basis);
      if (!chain.every(isServedClient)) return "a client in it was removed or disabled";
      const mayAct = chain.every((id, at) => at === 0 || clientOf(chain[at - 1] ?? "")?.mayActFor.has(id));
      if (!mayAct) return "a client in it may act for another no more";
      if (!hasPresentRules(basis)) return "the workload rule of a client in it has changed";
      if (!isUser(basis)) return undefined;
      const actsForUser = chain.every((id) => {
        const client = clientOf(id);
        return client !== undefined && mayActForUser(client, basis);
      });
      return actsForUser ? whyUnnamed(basis, chain.at(-1)) : "a client in it may not act for users of the issuer";
    },
    isServed: (basis) => clientsOf(basis).every(isServedClient) && hasPresentRules(basis),
    mayActForUser,
    isClient,
    mayNameUnsecured,
    copiedClaims({ claims, copied }) {
      if (copied.length === 0) return NONE;
      const named = new Set(copied);
      return stillCopied(Object.fromEntries(Object.entries(claims).filter(([name]) => named.has(name))));
    },
    stillCopied,
  };
}

/** Whether a subject has the prefix of an issuer's users, which tells them from all others. */
function hasPrefixOf({ subject: { prefix } }: TrustedIssuer, subject: string): boolean {
  return prefix !== "" && subject.startsWith(prefix);
}
