/** Our access tokens (RFC 9068), in the core's words: their header, their claims and the largest. */
import { Buffer } from "node:buffer";
import type { JsonObject } from "./json.js";

/** Common servers limit a header to 8 KiB, and a Bearer token travels in one. */
export const MAX_TOKEN_BYTES = 8 * 1024;

/** The protected header of every token that a key signs, encoded. The verifier accepts no other. */
export function encodedHeader({ kid, algorithm }: { readonly kid: string; readonly algorithm: string }): string {
  return Buffer.from(JSON.stringify({ alg: algorithm, typ: "at+jwt", kid })).toString("base64url");
}

/** Who acts for the subject (RFC 8693 section 4.1). The outermost is the present actor; former ones nest inside. */
export interface Actor {
  readonly sub: string;
  /** Set for an actor that another issuer named; absent for clients of ours. */
  readonly iss?: string;
  readonly act?: Actor;
}

/**
 * A session: begun by a token that refreshes no other, and the unit of revocation. Instants in milliseconds, at whole
 * seconds: claims hold no more.
 */
export interface Session {
  /** Claim `sid`: 16 random bytes in base64url. */
  readonly id: string;
  /** Claim `auth_time`. */
  readonly startedAt: number;
  /** Claim `session_exp`. */
  readonly endsAt: number;
  /** Claim `psid`: the sessions it grew from. Revoking any of them revokes it. */
  readonly ancestors: readonly string[];
  /** Claim `pkid`: the keys that signed the tokens it was begun or refreshed by. Revoking any of them revokes it. */
  readonly keys: readonly string[];
}

/** One of our tokens. Instants in milliseconds. */
export interface AccessToken {
  readonly id: string;
  readonly kid: string;
  readonly subject: string;
  readonly clientId: string;
  readonly actor: Actor | undefined;
  readonly scope: readonly string[];
  readonly audience: readonly string[];
  readonly session: Session;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Claim `subject_issuer`: the trusted issuer that named the user. Absent where the subject is a client. */
  readonly subjectIssuer: string | undefined;
  /** Whether the subject was named by an unsecured JWT. */
  readonly unsecuredSubject: boolean;
  /** Claim `workload_rules`: digests of the rules that derived the clients in it, as the rules were when it began. */
  readonly ruleDigests: readonly string[];
  /** Static and copied claims. */
  readonly claims: JsonObject;
  /** Names of those that were copied from the user's token. The others are a client's static ones. */
  readonly copied: readonly string[];
}

/** Whether the token is a client's own, made by its credentials: no user and no delegation. */
export function isOwnToken(token: Pick<AccessToken, "subject" | "clientId" | "actor">): boolean {
  return token.subject === token.clientId && token.actor === undefined;
}

/** The clients of ours in a chain of actors, the present one first. */
export function actingClients(actor: Actor | undefined): readonly string[] {
  const chain: string[] = [];
  for (let at = actor; at !== undefined; at = at.act) if (at.iss === undefined) chain.push(at.sub);
  return chain;
}

/** How many actors a chain holds. */
export function depthOf(actor: Actor | undefined): number {
  return actor === undefined ? 0 : 1 + depthOf(actor.act);
}

/** Claims that neither a client's static claims nor a trusted issuer's copied ones may set. */
export const RESERVED_CLAIMS: ReadonlySet<string> = new Set([
  "iss",
  "sub",
  "aud",
  "exp",
  "nbf",
  "iat",
  "jti",
  "client_id",
  "scope",
  "sid",
  "psid",
  "pkid",
  "auth_time",
  "session_exp",
  "act",
  "may_act",
  "cnf",
  "typ",
  "subject_issuer",
  "unsecured_subject",
  "workload_rules",
  "copied_claims",
]);
