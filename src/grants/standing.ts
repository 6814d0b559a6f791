/**
 * What a token of a user or a delegated one rests on: an issuer that is trusted, a client that may name the user, clients
 * that may act for one another. Settings change, so each refresh and each delegation asks again.
 */
import type { ClientRegistry } from "../clients/client-registry.js";
import { type AccessToken, actingClients } from "../oauth/access-token.js";
import type { TrustedIssuer } from "../issuers/trusted-issuer.js";
import { hasPrefixOf, mayNameUnsecured } from "./exchange-user.js";

/** The settings that decide, as they are now. */
export interface PresentSettings {
  readonly registry: ClientRegistry;
  readonly trustedIssuers: () => readonly TrustedIssuer[];
}

/** Who is meant, who acts, and who says so. */
export type Basis = Pick<AccessToken, "subject" | "clientId" | "actor" | "subjectIssuer" | "unsecuredSubject">;

/** Why the present settings would not lead to such a token; undefined if they would. */
export function whyLapsed(basis: Basis, settings: PresentSettings): string | undefined {
  const chain = clientsOf(basis, settings);
  if (!areServed(chain, settings)) return "a client in it was removed or disabled";
  const { byId } = settings.registry.current;
  const mayAct = chain.every((id, at) => at === 0 || byId.get(chain[at - 1] ?? "")?.mayActFor.has(id));
  if (!mayAct) return "a client in it may act for another no more";
  return isUser(basis, settings) ? whyUnnamed(basis, chain.at(-1), settings) : undefined;
}

/** Whether every client that a token speaks of is there still: also one that was removed while no replica ran. */
export function isServed(basis: Basis, settings: PresentSettings): boolean {
  return areServed(clientsOf(basis, settings), settings);
}

/** The clients that a token speaks of: the one that it was issued to first, then each for which the one before acts. */
function clientsOf(basis: Basis, settings: PresentSettings): readonly string[] {
  const actors = actingClients(basis.actor);
  const chain = actors[0] === basis.clientId || actors.length === 0 ? actors : [basis.clientId, ...actors];
  return isUser(basis, settings) ? chain : [...chain, basis.subject];
}

function areServed(chain: readonly string[], { registry }: PresentSettings): boolean {
  return chain.every((id) => registry.current.byId.get(id)?.disabled === false);
}

/** Whether the subject is a user. Else it is a client, there or not. */
function isUser(basis: Basis, settings: PresentSettings): boolean {
  return basis.unsecuredSubject || issuerOf(basis, settings) !== undefined;
}

/**
 * The issuer that named the user. A token of a release that did not record it belongs to the trusted issuer whose prefix
 * the subject has; without a prefix nothing says whose it is, and it counts as nobody's.
 */
function issuerOf({ subject, subjectIssuer }: Basis, { trustedIssuers }: PresentSettings): string | undefined {
  return subjectIssuer ?? trustedIssuers().find((issuer) => hasPrefixOf(issuer, subject))?.issuer;
}

/** Why nobody could name the user now. `introducer` is the client that exchanged the user's own token. */
function whyUnnamed(basis: Basis, introducer: string | undefined, settings: PresentSettings): string | undefined {
  const { registry, trustedIssuers } = settings;
  const client = registry.current.byId.get(introducer ?? "");
  if (client === undefined) return "no client stands for its user";
  if (basis.unsecuredSubject) {
    const may = mayNameUnsecured(client, basis.subject, settings);
    return may ? undefined : "its client may not name the user by an unsecured token any more";
  }
  const named = issuerOf(basis, settings);
  const issuer = trustedIssuers().find((trusted) => trusted.issuer === named && trusted.use.has("subject_token"));
  if (issuer === undefined || !basis.subject.startsWith(issuer.subject.prefix)) {
    return "its user's issuer is not trusted with users any more";
  }
  return registry.current.byId.has(basis.subject) ? "its user has the name of a client" : undefined;
}
