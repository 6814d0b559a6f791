/** The audit record, as a port: one event for each decision. Never a secret, never a token. */
import type { OAuthError } from "./error.js";
import type { GrantType } from "./grant-type.js";
import type { Caller } from "./request.js";

/** Who asks, as far as it is known. A member that is not known yet is undefined. */
export interface Asker {
  readonly caller: Caller;
  clientId: string | undefined;
  /** The workload rule that derived the client. */
  rule: string | undefined;
  /** How the client proved who it is, such as `client_secret_basic`. */
  authMethod: string | undefined;
  /** The secret that it used, by name. */
  secretName: string | undefined;
}

/** A decision of the token endpoint, as far as it is known. */
export interface Decision extends Asker {
  readonly grant: GrantType;
  subject: string | undefined;
  /** The chain of actors, the present one first. */
  actors: readonly string[] | undefined;
  scope: readonly string[] | undefined;
  audience: readonly string[] | undefined;
  sessionId: string | undefined;
  tokenId: string | undefined;
  unsecuredSubject: boolean | undefined;
  /** What kind of exchange it was, such as `refresh` or `delegation`. */
  via: string | undefined;
}

/** Has every member from the start: V8 then gives all decisions one shape. */
export function newDecision(caller: Caller, grant: GrantType): Decision {
  return {
    caller,
    grant,
    clientId: undefined,
    rule: undefined,
    subject: undefined,
    actors: undefined,
    scope: undefined,
    audience: undefined,
    sessionId: undefined,
    tokenId: undefined,
    authMethod: undefined,
    secretName: undefined,
    unsecuredSubject: undefined,
    via: undefined,
  };
}

export function newAsker(caller: Caller): Asker {
  return { caller, clientId: undefined, rule: undefined, authMethod: undefined, secretName: undefined };
}

/** The requests of operators and verifiers. */
export type OperationName =
  | "list_keys"
  | "rotate_keys"
  | "revoke_key"
  | "watch_revocations"
  | "list_clients"
  | "list_revocations"
  | "view_status";

/** Gets each decision about a client, for operators. Its work is not in the time of an answer. */
export interface ActivitySink {
  /** A client proved who it is, and perhaps got a token. */
  used(clientId: string, secretName: string | undefined, gotToken: boolean): void;
  /** `why`: the failure of its credentials, or else the reason of the refusal. */
  refused(clientId: string | undefined, why: string): void;
}

/** One method for each audited fact. None of them may throw. */
export interface Events {
  tokenIssued(decision: Decision, durationMs: number): void;
  tokenRefused(decision: Decision, error: OAuthError, durationMs: number): void;
  /** A caller revoked a session, subject, client, workload rule or everything; or `nothing`, as the token was dead. */
  revoked(asker: Asker, what: string, id: string | undefined): void;
  revocationRefused(asker: Asker, error: OAuthError): void;
  /** A caller asked about a token. */
  introspected(asker: Asker, active: boolean): void;
  introspectionRefused(asker: Asker, error: OAuthError): void;
  /** A caller looked at keys, changed them, or began to follow revocations. `id`: of the key, where there is one. */
  operated(asker: Asker, operation: OperationName, id: string | undefined): void;
  operationRefused(asker: Asker, operation: OperationName, id: string | undefined, error: OAuthError): void;
  /** A refresh token was used after its successor outside the grace window: the family and its session are dead. */
  refreshReused(clientId: string, sessionId: string): void;
  /** The store knew less than a client could prove: it lost writes. */
  storeRegressed(what: string): void;
  /** A refresh token family in the store is not as icemint wrote it: someone else did, or a release without MACs. */
  familyTampered(): void;
}
