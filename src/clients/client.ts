/** A client's record, as the settings give it: complete, checked and frozen. */
import type { GrantType } from "../oauth/grant-type.js";
import type { JsonObject } from "../oauth/json.js";
import type { Scope } from "../oauth/scope.js";

/** What a client may do beyond its own sessions. */
export const PERMISSIONS = ["introspect", "revoke", "watch_revocations", "rotate_keys", "observe"] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** One of a client's secrets, as it is stored. Instants in milliseconds. */
export type ClientSecret = {
  /** For people and the log: where it comes from, or the first characters of its digest. Never the secret. */
  readonly name: string;
  /** The secret is refused from this instant on. */
  readonly expiresAt: number | undefined;
} & (
  | {
      /** A generated secret, or one from a file or variable: compared by digest, which is cheap. */
      readonly kind: "digest";
      /** SHA-256 of the secret, in lower-case hex. */
      readonly sha256: string;
      /** Whether the client may be found by this secret alone (generated secrets only). */
      readonly identifies: boolean;
    }
  | {
      /** A secret chosen by a person: it can be guessed, so its hash is slow. */
      readonly kind: "scrypt";
      readonly logN: number;
      readonly r: number;
      readonly p: number;
      readonly salt: Buffer;
      readonly hash: Buffer;
    }
);

/** A workload's identity at a trusted issuer that stands for the client. */
interface FederatedIdentity {
  readonly issuer: string;
  readonly subject: string;
}

/** The workload rule of a derived client. */
export interface DerivedBy {
  readonly rule: string;
  /** Names what the rule matches (`ruleDigest`). */
  readonly digest: string;
}

/** The values that a client may request, and the values that it gets when it requests none. */
export interface Ceiling {
  readonly allowed: ReadonlySet<string>;
  readonly default: Scope;
}

/** Where a client's own public keys are (`private_key_jwt`). */
export type ClientKeys =
  { readonly kind: "inline"; readonly jwks: JsonObject } | { readonly kind: "uri"; readonly uri: string };

export interface Client {
  readonly id: string;
  /** Shown to people. */
  readonly name: string | undefined;
  readonly secrets: readonly ClientSecret[];
  readonly federated: readonly FederatedIdentity[];
  readonly keys: ClientKeys | undefined;
  /** Whether an assertion that it signs is accepted as a grant once, which needs the store. */
  readonly singleUse: boolean;
  readonly grants: ReadonlySet<GrantType>;
  readonly scopes: Ceiling;
  readonly audiences: Ceiling;
  /** Static claims of its own tokens. */
  readonly claims: JsonObject;
  /** Static claims of tokens that it acts by: those of users, and of other clients. */
  readonly userClaims: JsonObject;
  /** Clients whose tokens it may exchange. */
  readonly mayActFor: ReadonlySet<string>;
  readonly accessTtlMs: number;
  readonly permissions: ReadonlySet<Permission>;
  /** Audiences that it stands for as a resource server: of others' tokens it may know these and no more. */
  readonly serves: ReadonlySet<string> | undefined;
  readonly disabled: boolean;
  /** Trusted issuers whose users it may act for; undefined: all of them. */
  readonly actForIssuers: ReadonlySet<string> | undefined;
  /** Patterns (`*` stands for any characters) of subjects that an unsecured JWT may name; undefined: none. */
  readonly unsecuredSubjects: readonly string[] | undefined;
  /** The rule that derives the client from a workload's token; undefined for a registered client. */
  readonly workload: DerivedBy | undefined;
}

/** Whether a secret may still be used at this instant. */
export function isCurrent(secret: ClientSecret, nowMs: number): boolean {
  return secret.expiresAt === undefined || nowMs < secret.expiresAt;
}
