/** The audit record, as a port: one event for each decision. Never a secret, never a token. */
import type { OAuthError } from "./error.js";
import type { GrantType } from "./grant-type.js";
import type { Caller } from "./request.js";

/** What is known of a decision; fields are absent while they are not known yet. */
export interface Decision {
  readonly caller: Caller;
  readonly grant: GrantType;
  clientId?: string;
  subject?: string;
  /** The chain of actors, the present one first. */
  actors?: readonly string[];
  scope?: readonly string[];
  audience?: readonly string[];
  sessionId?: string;
  tokenId?: string;
  /** How the client proved who it is, such as `client_secret_basic`. */
  authMethod?: string;
  unsecuredSubject?: boolean;
  /** What kind of exchange it was, such as `refresh` or `delegation`. */
  via?: string;
}

/** One method for each audited fact. None of them may throw. */
export interface Events {
  /** A token was issued. */
  tokenIssued(decision: Decision, durationMs: number): void;
  /** A token was refused. */
  tokenRefused(decision: Decision, error: OAuthError, durationMs: number): void;
  /** A caller revoked a token, session, subject, client, key or everything. */
  revoked(caller: Caller, clientId: string, what: string, id: string): void;
  /** A revocation was refused. */
  revocationRefused(caller: Caller, error: OAuthError): void;
  /** A caller asked about a token. */
  introspected(caller: Caller, clientId: string, active: boolean): void;
  /** An introspection was refused. */
  introspectionRefused(caller: Caller, error: OAuthError): void;
  /** A refresh token was used after its successor outside the grace window: the family and its session are dead. */
  refreshReused(clientId: string, sessionId: string): void;
  /** The store knew less than a client could prove: it lost writes. */
  storeRegressed(what: string): void;
}
