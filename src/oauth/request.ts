/** A token request as both transports build it: plain and complete, without a trace of its transport. */
import type { TokenType } from "./token-type.js";

/** How a request came in, for the audit record and the metrics. */
export type Transport = "form" | "grpc" | "grpc-web" | "connect";

/** Where a request came from. */
export interface Caller {
  /** Also the `X-Request-Id` of the answer. */
  readonly requestId: string;
  readonly transport: Transport;
  /** The peer's address, or what a trusted proxy says it is. */
  readonly address: string;
  /** W3C trace id, if the caller sent one. Never trusted for access. */
  readonly traceId?: string | undefined;
  /** The caller's span, if it sent one: the parent of ours. */
  readonly parentSpanId?: string | undefined;
  /** Whether the caller records its trace; absent: it sent none. */
  readonly traceSampled?: boolean | undefined;
}

/** Credentials as they were sent, unchecked. `undefined` if absent or empty. */
export interface Credentials {
  /** The value of the `Authorization` header or `authorization` metadata. */
  readonly authorization?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly clientAssertion?: string | undefined;
  readonly clientAssertionType?: string | undefined;
}

/** The parameters of token exchange (RFC 8693 section 2.1). */
export interface TokenExchangeParameters {
  readonly type: "token_exchange";
  readonly subjectToken: string | undefined;
  readonly subjectTokenType: TokenType | undefined;
  readonly actorToken: string | undefined;
  readonly actorTokenType: TokenType | undefined;
  readonly requestedTokenType: TokenType | undefined;
}

/** The parameters of each grant. */
export type GrantParameters =
  | { readonly type: "client_credentials" }
  | TokenExchangeParameters
  | { readonly type: "refresh_token"; readonly refreshToken: string | undefined }
  | { readonly type: "jwt_bearer"; readonly assertion: string | undefined };

/** A request for a token. */
export interface TokenRequest {
  readonly grant: GrantParameters;
  readonly credentials: Credentials;
  /** The scope parameter as sent; empty counts as absent. */
  readonly scope: string | undefined;
  /** RFC 8693 section 2.1. */
  readonly audience: readonly string[];
  /** RFC 8707 section 2. */
  readonly resource: readonly string[];
  readonly caller: Caller;
}

/** A request about one token or session, at the revocation and introspection endpoints. */
export interface CallerRequest {
  readonly credentials: Credentials;
  readonly caller: Caller;
}
