/** What transports call. Everything here takes plain requests and answers plain values or throws `OAuthError`. */
import type { CallerRequest, TokenRequest } from "../oauth/request.js";
import type { Eventually } from "../oauth/eventually.js";
import type { JsonObject } from "../oauth/json.js";
import type { TokenResponse } from "../oauth/response.js";

/** The token endpoint (RFC 6749 section 3.2). */
export interface TokenEndpoint {
  /** Answers, or throws or rejects with `OAuthError`; every outcome is audited. At once if there is nothing to wait for. */
  token(request: TokenRequest): Eventually<TokenResponse>;
}

/** What to revoke. */
export type RevocationTarget =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "session"; readonly sessionId: string }
  | { readonly kind: "subject"; readonly subject: string }
  | { readonly kind: "client"; readonly clientId: string }
  | { readonly kind: "everything" };

/** The revocation endpoint (RFC 7009). */
export interface RevocationEndpoint {
  /** Resolves when the revocation is stored, or there was nothing to revoke. Throws `OAuthError`. */
  revoke(request: CallerRequest & { readonly target: RevocationTarget }): Promise<void>;
}

/** The answer of introspection: `{active: false}`, or the members of RFC 7662 section 2.2. */
export type Introspection = JsonObject & { readonly active: boolean };

/** The introspection endpoint (RFC 7662). */
export interface IntrospectionEndpoint {
  /** Answers for a token. Throws `OAuthError` for the caller's faults, never for the token's. */
  introspect(request: CallerRequest & { readonly token: string }): Promise<Introspection>;
  /** The same as a signed JWT (RFC 9701 section 5), for the resource server that asks. */
  introspectSigned(request: CallerRequest & { readonly token: string }): Promise<string>;
}

/** Who may follow the stream of revocations. */
export interface WatchAuthorizer {
  /** Throws unless the caller is a client with permission `watch_revocations`. */
  authorizeWatch(request: CallerRequest): Promise<void>;
  /** Throws unless the caller is a client with permission `rotate_keys`, by its own credentials. Returns its id. */
  authorizeKeyChange(request: CallerRequest): Promise<string>;
}
