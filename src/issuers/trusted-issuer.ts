/** Trusted issuers: whose JWTs are accepted, for which use, and which of their claims. */
import type { CompactJws, Refuse } from "../jwt/compact-jws.js";
import type { ClaimPath } from "./copied-claims.js";
import type { ExpiringTimes } from "../jwt/jwt-times.js";
import type { JsonObject } from "../oauth/json.js";

/**
 * What a trusted issuer's token may be used for. `client_assertion` covers federated clients and workload rules. `id_jag`
 * is a user's assertion for one client (draft-ietf-oauth-identity-assertion-authz-grant).
 */
export type IssuerUse = "subject_token" | "client_assertion" | "id_jag";

/** Whether an issuer names users, by whatever kind of token: its `subject.prefix` then keeps them apart. */
export function namesUsers({ use }: Pick<TrustedIssuer, "use">): boolean {
  return use.has("subject_token") || use.has("id_jag");
}

/** A trusted issuer, as the settings make it. */
export interface TrustedIssuer {
  readonly issuer: string;
  /** Where its keys are: a URL, its discovery document, or a file. */
  readonly keys:
    | { readonly kind: "uri"; readonly uri: string }
    | { readonly kind: "discovery" }
    | { readonly kind: "file"; readonly path: string };
  /** Extra CA certificates (PEM file) and a bearer token (file) for fetching keys from inside a cluster. */
  readonly caFile: string | undefined;
  readonly tokenFile: string | undefined;
  /** `aud` of its users' tokens must name one of these; of its assertions too where `assertionAudience` is not set. */
  readonly audience: readonly string[];
  /** What an assertion of it may be for, beside our issuer and our token endpoint. */
  readonly assertionAudience: readonly string[] | undefined;
  /** How old an assertion that is a grant may be, and how long it may last. Undefined: the default of its use. */
  readonly maxAssertionAgeMs: number | undefined;
  /** Whether an assertion of it is accepted once. */
  readonly singleUse: boolean;
  readonly algorithms: ReadonlySet<string>;
  readonly use: ReadonlySet<IssuerUse>;
  /** Claims copied from a subject token into ours. */
  readonly copiedClaims: readonly ClaimPath[];
  /** Which claim names the subject, and the prefix that keeps issuers apart. */
  readonly subject: { readonly claim: string; readonly prefix: string };
  /** SPIFFE trust domain whose JWT-SVIDs these keys sign: their `iss` may be absent. */
  readonly trustDomain: string | undefined;
}

/** A JWT of a trusted issuer, verified. */
export interface IssuerToken {
  readonly issuer: TrustedIssuer;
  /** Of a user: the prefix and the mapped claim. Of a client's assertion: `sub`, as `federated` in a client's record names it. */
  readonly subject: string;
  readonly claims: JsonObject;
  readonly jws: CompactJws;
  readonly times: ExpiringTimes;
}

/** Verifies JWTs of trusted issuers. Instants compare with a leeway of 30 s. */
export interface IssuerTokenVerifier {
  /**
   * Verifies a JWT for one use. Throws an OAuthError made by `refuse` when it is not valid, and
   * `temporarily_unavailable` when the issuer's keys cannot be had. Own tokens and unsecured JWTs never get here.
   */
  verify(token: string, use: IssuerUse, refuse: Refuse): Promise<IssuerToken>;
}
