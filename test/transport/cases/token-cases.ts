/** Requests for tokens that every transport must judge alike: what is asked, and what each has to answer. */
import { Code } from "@connectrpc/connect";
import type { OAuthErrorCode } from "../../../src/oauth/error.js";
import { SECRET } from "../support/fake-core.js";

/** A request in the words of the form; the RPC message is made from the same. */
export interface TokenCase {
  /** A sentence that states the rule. */
  readonly name: string;
  readonly form: Readonly<Record<string, string | readonly string[]>>;
  readonly authorization?: string;
  readonly expected: Expected;
  /** For what only one kind of transport can say. */
  readonly only?: "form" | "rpc";
}

/** What comes back: an error in the words of each transport, or a token. */
export type Expected =
  { readonly oauth: OAuthErrorCode; readonly http: number; readonly grpc: Code; readonly reason: string } | "token";

const client = { client_id: "spark", client_secret: SECRET };
const credentials = { grant_type: "client_credentials", ...client };
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

/** A refusal by the core, asked for by a scope word. */
function refusal(oauth: OAuthErrorCode, http: number, grpc: Code, reason: string): TokenCase {
  return {
    name: `${oauth} (${reason}) is ${http} and ${Code[grpc]}`,
    form: { ...credentials, scope: `throw:${oauth}` },
    expected: { oauth, http, grpc, reason },
  };
}

export const tokenCases: readonly TokenCase[] = [
  { name: "credentials in the message are taken", form: { ...credentials, scope: "catalog" }, expected: "token" },
  {
    name: "Basic credentials are taken",
    form: { grant_type: "client_credentials" },
    authorization: basic(`spark:${SECRET}`),
    expected: "token",
  },
  {
    name: "an assertion is taken",
    form: {
      grant_type: "client_credentials",
      client_assertion: "good-assertion",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    },
    expected: "token",
  },
  {
    name: "an exchange is passed on",
    form: { grant_type: EXCHANGE, subject_token: "t", subject_token_type: ACCESS_TOKEN },
    authorization: "Bearer t",
    expected: "token",
  },
  { name: "a refresh is passed on", form: { grant_type: "refresh_token", refresh_token: "r" }, expected: "token" },
  {
    name: "audience and resource may be repeated",
    form: { ...credentials, audience: ["a", "b"], resource: ["https://a", "https://b"] },
    expected: "token",
  },
  {
    name: "a wrong secret is invalid_client",
    form: { ...credentials, client_secret: "wrong" },
    expected: { oauth: "invalid_client", http: 401, grpc: Code.Unauthenticated, reason: "CREDENTIALS_INVALID" },
  },
  {
    name: "no credentials are invalid_client",
    form: { grant_type: "client_credentials" },
    expected: { oauth: "invalid_client", http: 401, grpc: Code.Unauthenticated, reason: "CREDENTIALS_INVALID" },
  },
  {
    name: "a missing grant type is invalid_request",
    form: client,
    only: "form",
    expected: { oauth: "invalid_request", http: 400, grpc: Code.InvalidArgument, reason: "GRANT_TYPE_MISSING" },
  },
  {
    name: "an unknown grant type is unsupported_grant_type",
    form: { ...client, grant_type: "password" },
    only: "form",
    expected: {
      oauth: "unsupported_grant_type",
      http: 400,
      grpc: Code.InvalidArgument,
      reason: "GRANT_TYPE_UNSUPPORTED",
    },
  },
  {
    name: "an unset grant is unsupported_grant_type, never UNIMPLEMENTED",
    form: client,
    only: "rpc",
    expected: {
      oauth: "unsupported_grant_type",
      http: 400,
      grpc: Code.InvalidArgument,
      reason: "GRANT_TYPE_UNSUPPORTED",
    },
  },
  {
    name: "a token type that nobody knows is invalid_request",
    form: { ...client, grant_type: EXCHANGE, subject_token: "t", subject_token_type: "urn:x" },
    only: "form",
    expected: { oauth: "invalid_request", http: 400, grpc: Code.InvalidArgument, reason: "TOKEN_TYPE_UNSUPPORTED" },
  },
  {
    name: "a secret of more than 16 KiB is invalid_request",
    form: { ...credentials, client_secret: "x".repeat(16 * 1024 + 1) },
    expected: { oauth: "invalid_request", http: 400, grpc: Code.InvalidArgument, reason: "REQUEST_MALFORMED" },
  },
  {
    name: "a scope of more than 4 KiB is invalid_request",
    form: { ...credentials, scope: "x".repeat(4 * 1024 + 1) },
    expected: { oauth: "invalid_request", http: 400, grpc: Code.InvalidArgument, reason: "REQUEST_MALFORMED" },
  },
  refusal("invalid_grant", 400, Code.FailedPrecondition, "REFRESH_TOKEN_INVALID"),
  refusal("unauthorized_client", 400, Code.PermissionDenied, "GRANT_NOT_ALLOWED"),
  refusal("invalid_scope", 400, Code.InvalidArgument, "SCOPE_NOT_ALLOWED"),
  refusal("invalid_target", 400, Code.InvalidArgument, "TARGET_NOT_ALLOWED"),
  refusal("slow_down", 429, Code.ResourceExhausted, "TOO_MANY_FAILURES"),
  refusal("temporarily_unavailable", 503, Code.Unavailable, "STATE_UNAVAILABLE"),
  {
    name: "our own bug is server_error with fixed text",
    form: { ...credentials, scope: "throw:bug" },
    expected: { oauth: "server_error", http: 500, grpc: Code.Internal, reason: "INTERNAL" },
  },
];
