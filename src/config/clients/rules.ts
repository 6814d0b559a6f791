/** Owns the rules between clients, and between clients and trusted issuers. */
import { namesUsers } from "../../issuers/trusted-issuer.js";
import type { FoundIssuer } from "../issuers/read.js";
import { present } from "../reading/by-schema.js";
import type { FoundClient } from "./read.js";
import { type Findings, type Spot, inside, spellSpot } from "../reading/problem.js";

/** Checks all clients of all files together. */
export function checkClients(
  clients: readonly FoundClient[],
  issuers: readonly FoundIssuer[],
  findings: Findings,
): void {
  checkIds(clients, issuers, findings);
  checkSecretsDiffer(clients, findings);
  checkFederated(clients, issuers, findings);
  checkCatalogScope(clients, findings);
  checkIdentityClaims(clients, issuers, findings);
}

function checkIds(clients: readonly FoundClient[], issuers: readonly FoundIssuer[], findings: Findings): void {
  const ids = new Map<string, Spot>();
  for (const { yaml, spot } of clients) {
    if (yaml.id === undefined) continue;
    const at = inside(spot, "id");
    const first = ids.get(yaml.id);
    if (first === undefined) ids.set(yaml.id, at);
    else findings.problem(at, `is the id of another client already, at ${spellSpot(first)}`);
    for (const { issuer } of issuers) {
      const { prefix } = issuer.subject;
      if (namesUsers(issuer) && prefix !== "" && yaml.id.startsWith(prefix)) {
        const reason = `begins like the users of ${issuer.issuer} (${prefix}): one of them could be taken for this client`;
        findings.problem(at, reason, "another id, or another subject.prefix");
      }
    }
  }
}

/** One secret must not belong to two clients: with the secret alone, nobody could tell which is meant. */
function checkSecretsDiffer(clients: readonly FoundClient[], findings: Findings): void {
  const owners = new Map<string, { readonly index: number; readonly spot: Spot }>();
  for (const [index, { secrets }] of clients.entries()) {
    for (const { fingerprint, spot } of secrets) {
      const owner = owners.get(fingerprint);
      if (owner === undefined) owners.set(fingerprint, { index, spot });
      else if (owner.index === index) findings.warning(spot, `is the same secret as ${spellSpot(owner.spot)}`);
      else findings.problem(spot, `is the same secret as another client's, at ${spellSpot(owner.spot)}`);
    }
  }
}

function checkFederated(clients: readonly FoundClient[], issuers: readonly FoundIssuer[], findings: Findings): void {
  const trusted = new Map(issuers.map(({ issuer }) => [issuer.issuer, issuer]));
  const owners = new Map<string, Spot>();
  for (const { yaml, spot } of clients) {
    for (const [index, identity] of (yaml.federated ?? []).entries()) {
      const at = inside(spot, "federated", index);
      if (identity?.issuer !== undefined && trusted.get(identity.issuer)?.use.has("client_assertion") !== true) {
        const reason = trusted.has(identity.issuer)
          ? "is trusted, but not for this: its use lacks client_assertion"
          : "is not among trusted_issuers";
        findings.problem(inside(at, "issuer"), reason, `trusted_issuers: [{ issuer: ..., use: [client_assertion] }]`);
      }
      if (identity?.issuer === undefined || identity.subject === undefined) continue;
      if (identity.subject.includes("*")) {
        findings.warning(inside(at, "subject"), "is compared as it stands: * is no pattern here");
      }
      const pair = `${identity.issuer}\n${identity.subject}`;
      const first = owners.get(pair);
      if (first === undefined) owners.set(pair, at);
      else findings.problem(at, `is the same identity as at ${spellSpot(first)}`);
    }
  }
}

/** Claims by which catalogs and services tell who calls: Keycloak's, Entra's and Polaris' names among them. */
const IDENTITY_CLAIMS =
  /^(?:name|email|upn|uid|oid|user|user_?(?:id|name)|preferred_username|principal(?:_?(?:id|name|roles?))?|roles?|groups?)$/i;

/** A claim that says who somebody is must not be the same for a client and for all of its users. */
function checkIdentityClaims(
  clients: readonly FoundClient[],
  issuers: readonly FoundIssuer[],
  findings: Findings,
): void {
  const hasUsers = issuers.some(({ issuer }) => namesUsers(issuer));
  const hasIdJags = issuers.some(({ issuer }) => issuer.use.has("id_jag"));
  for (const { client, spot } of clients) {
    const { grants, unsecuredSubjects, mayActFor } = client;
    const exchanges = grants.has("token_exchange") && (hasUsers || unsecuredSubjects || mayActFor.size > 0);
    if (!exchanges && !(grants.has("jwt_bearer") && hasIdJags)) continue;
    for (const name of Object.keys(client.userClaims).filter((one) => IDENTITY_CLAIMS.test(one))) {
      const reason = "says who the caller is, and is the same for all users that this client exchanges";
      findings.warning(inside(spot, "user_claims", name), reason);
    }
    for (const name of Object.keys(client.claims).filter((one) => IDENTITY_CLAIMS.test(one))) {
      if (Object.hasOwn(client.userClaims, name)) continue;
      const reason = "is in the client's own tokens only: a catalog that reads it must find users by another claim";
      findings.warning(inside(spot, "claims", name), reason);
    }
  }
}

const MOST_NAMED = 5;

/** One warning for all, since a client of gRPC services alone has no use for the word. */
function checkCatalogScope(clients: readonly FoundClient[], findings: Findings): void {
  const without = clients.filter(
    ({ yaml, client }) =>
      !client.disabled && yaml.scopes?.allowed !== undefined && !client.scopes.allowed.has("catalog"),
  );
  const [first] = without;
  if (first === undefined) return;
  const ids = present(without.slice(0, MOST_NAMED).map(({ yaml }) => yaml.id)).join(", ");
  const more = without.length > MOST_NAMED ? ` and ${without.length - MOST_NAMED} more` : "";
  findings.warning(
    inside(first.spot, "scopes", "allowed"),
    `lacks catalog, which Iceberg's clients ask for out of the box (${ids}${more})`,
  );
}
