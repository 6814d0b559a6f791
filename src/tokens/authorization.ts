/**
 * The decision of a grant. The token (`token-issuer.ts`) and the answer (`oauth/response.ts`) are other values.
 */
import type { Actor, Session } from "../oauth/access-token.js";
import type { JsonObject } from "../oauth/json.js";
import type { Scope } from "../oauth/scope.js";

/** The part of a client's record that goes into its tokens. */
export interface TokenClient {
  readonly id: string;
  readonly accessTtlMs: number;
  /** Static claims of its own tokens. */
  readonly claims: JsonObject;
  /** Static claims of tokens that it acts by. */
  readonly userClaims: JsonObject;
}

/** The subject, the clients that act for it, the limits, and the session. */
export interface Authorization {
  readonly client: TokenClient;
  readonly subject: string;
  readonly actor: Actor | undefined;
  readonly scope: Scope;
  /** Never empty (RFC 9068 section 3). */
  readonly audience: readonly string[];
  readonly session: Session;
  /** Copied from the user's token; the client's static claims are added when the token is minted, and win. */
  readonly copiedClaims: JsonObject;
  readonly subjectIssuer: string | undefined;
  readonly unsecuredSubject: boolean;
  readonly ruleDigests: readonly string[];
}
