/**
 * What any grant decides. Kept apart from the token that is minted of it (`token-issuer.ts`) and from the answer that
 * is sent (`oauth/response.ts`).
 */
import type { Actor, Session } from "../oauth/access-token.js";
import type { JsonObject } from "../oauth/json.js";
import type { Scope } from "../oauth/scope.js";

/** What a token says of the client that it is for. */
export interface TokenClient {
  readonly id: string;
  readonly accessTtlSeconds: number;
  /** Static claims of its own tokens. */
  readonly claims: JsonObject;
  /** Static claims of tokens that it acts by. */
  readonly userClaims: JsonObject;
}

/** Leave to act: who, through which client, for what, inside which session. */
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
