/**
 * What a grant supplies to the pipeline of `token-endpoint.ts`: who asks, and what could be granted. Scope, audience,
 * minting and the record are the pipeline's, so that no grant can forget them.
 */
import type { Client } from "../clients/client.js";
import type { Actor, Session } from "../oauth/access-token.js";
import type { JsonObject } from "../oauth/json.js";
import type { TokenType } from "../oauth/token-type.js";
import type { Bounds } from "./bounds.js";

/** What could be granted, before scope and audience are settled. */
export interface Proposal {
  readonly client: Client;
  readonly subject: string;
  readonly actor: Actor | undefined;
  readonly session: Session;
  readonly copiedClaims: JsonObject;
  /** The trusted issuer that named the subject; undefined for a client and for an unsecured subject. */
  readonly subjectIssuer: string | undefined;
  readonly unsecuredSubject: boolean;
  readonly scope: Bounds;
  readonly audience: Bounds;
  readonly issuedType: TokenType;
  /** What kind of request it was, for the record. */
  readonly via: "client_credentials" | "refresh" | "new_session" | "user" | "delegation" | "refresh_token";
  /** `begin`: a user's session begins, and may be refreshed by refresh token. A string: the refresh token to answer. */
  readonly refreshToken: "none" | "begin" | { readonly successor: string };
}

/** Scope and audience bounds of a client that is limited by nothing but its own record. */
export function clientBounds(client: Client): Pick<Proposal, "scope" | "audience"> {
  return {
    scope: { fallback: client.scopes.default, ceilings: [client.scopes.allowed] },
    audience: { fallback: client.audiences.default, ceilings: [client.audiences.allowed] },
  };
}
