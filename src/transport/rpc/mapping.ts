/** Between protobuf messages and the plain requests and answers of the core. Decides nothing about grants. */
import { create, type JsonObject as ProtoJsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Introspection } from "../../endpoints/introspection.js";
import type { RevocationTarget } from "../../endpoints/revocation.js";
import type { KeyInfo } from "../../keys/key-operations.js";
import type { KeyRing, KeyState as RingKeyState } from "../../keys/key-ring.js";
import { invalidRequest, OAuthError } from "../../oauth/error.js";
import type { CallerRequest, GrantParameters, TokenRequest } from "../../oauth/request.js";
import type { TokenResponse } from "../../oauth/response.js";
import type { TokenType } from "../../oauth/token-type.js";
import { KeyState, type SigningKeySchema } from "../../gen/icemint/v1/key_service_pb.js";
import {
  GetTokenResponseSchema,
  IntrospectTokenResponseSchema,
  TokenType as ProtoTokenType,
  type GetKeysResponseSchema,
  type GetTokenRequest,
  type GetTokenResponse,
  type IntrospectTokenResponse,
  type RevokeTokenRequest,
  type TokenExchangeGrant,
} from "../../gen/icemint/v1/token_service_pb.js";
import { authorizationOf } from "../caller.js";
import { MAX_PARAMETERS, MAX_TOKEN_LENGTH, MAX_VALUE_LENGTH } from "../limits.js";
import type { RpcCall } from "./rpc-server.js";

/** Every request message has these fields. */
interface ClientFields {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clientAssertion: string;
}

const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const NO_FIELDS: ClientFields = { clientId: "", clientSecret: "", clientAssertion: "" };

/** Reads credentials from the message and from the `authorization` metadata. Throws `OAuthError`. */
export function callerRequest(call: RpcCall, fields: ClientFields = NO_FIELDS): CallerRequest {
  const { clientId, clientSecret, clientAssertion } = fields;
  return {
    caller: call.caller,
    credentials: {
      authorization: authorizationOf(call.arrival),
      clientId: clientId || undefined,
      clientSecret: clientSecret || undefined,
      clientAssertion: clientAssertion || undefined,
      clientAssertionType: clientAssertion === "" ? undefined : JWT_BEARER,
    },
  };
}

/** Throws `OAuthError`. */
export function toTokenRequest(message: GetTokenRequest, call: RpcCall): TokenRequest {
  const grant = toGrant(message.grant);
  const { credentials, caller } = callerRequest(call, checkedClient(message));
  return {
    grant,
    credentials,
    scope: atMost(message.scope, MAX_VALUE_LENGTH, "scope") || undefined,
    audience: list(message.audience, "audience"),
    resource: list(message.resource, "resource"),
    caller,
  };
}

/** Throws `invalid_request`. */
export function toRevocationTarget({ target }: RevokeTokenRequest): RevocationTarget {
  switch (target.case) {
    case "token":
      return { kind: "token", token: required(target.value, MAX_TOKEN_LENGTH, "token") };
    case "session":
      return { kind: "session", sessionId: required(target.value, MAX_VALUE_LENGTH, "session") };
    case "subject":
      return { kind: "subject", subject: required(target.value, MAX_VALUE_LENGTH, "subject") };
    case "client":
      return { kind: "client", clientId: required(target.value, MAX_VALUE_LENGTH, "client") };
    case "workload":
      return { kind: "workload", rule: required(target.value, MAX_VALUE_LENGTH, "workload") };
    case "everything":
      if (target.value) return { kind: "everything" };
      throw invalidRequest("PARAMETER_INVALID", "everything must be true.");
    default:
      throw invalidRequest(
        "PARAMETER_MISSING",
        "No target is set. Set token, session, subject, client, workload or everything.",
      );
  }
}

export function fromTokenResponse(response: TokenResponse): GetTokenResponse {
  return {
    $typeName: GetTokenResponseSchema.typeName,
    accessToken: response.access_token,
    tokenType: response.token_type,
    expiresIn: response.expires_in,
    issuedTokenType: response.issued_token_type,
    refreshToken: response.refresh_token ?? "",
    scope: response.scope ?? "",
  };
}

export function fromIntrospection({ active, ...claims }: Introspection): IntrospectTokenResponse {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- protobuf's JSON type is ours without `readonly`
  return create(IntrospectTokenResponseSchema, active ? { active, claims: claims as ProtoJsonObject } : { active });
}

export function fromPublished(
  published: ReturnType<KeyRing["published"]>,
): MessageInitShape<typeof GetKeysResponseSchema> {
  return { keys: published.keys.map((key) => ({ ...key })), maxAge: { seconds: BigInt(published.maxAgeSeconds) } };
}

const KEY_STATES = {
  published: KeyState.PUBLISHED,
  active: KeyState.ACTIVE,
  retired: KeyState.RETIRED,
  gone: KeyState.GONE,
  revoked: KeyState.REVOKED,
} as const satisfies Record<RingKeyState, KeyState>;

export function fromKeyInfo(key: KeyInfo): MessageInitShape<typeof SigningKeySchema> {
  return {
    kid: key.kid,
    algorithm: key.algorithm,
    state: KEY_STATES[key.state],
    publishTime: timestampFromMs(key.publishedAt),
    ...(key.activatesAt !== undefined && { activateTime: timestampFromMs(key.activatesAt) }),
    ...(key.retiredAt !== undefined && { retireTime: timestampFromMs(key.retiredAt) }),
  };
}

/** Refuses a field that is too long. */
export function checkedClient<Fields extends ClientFields>(fields: Fields): Fields {
  atMost(fields.clientId, MAX_VALUE_LENGTH, "client_id");
  atMost(fields.clientSecret, MAX_TOKEN_LENGTH, "client_secret");
  atMost(fields.clientAssertion, MAX_TOKEN_LENGTH, "client_assertion");
  return fields;
}

/** Refuses an empty value, and one that is too long. */
export function required(value: string, maxLength: number, name: string): string {
  if (value === "") throw invalidRequest("PARAMETER_MISSING", `${name} is missing.`);
  return atMost(value, maxLength, name);
}

function toGrant(grant: GetTokenRequest["grant"]): GrantParameters {
  switch (grant.case) {
    case "clientCredentials":
      return { type: "client_credentials" };
    case "refreshToken":
      return { type: "refresh_token", refreshToken: optionalToken(grant.value.refreshToken, "refresh_token") };
    case "jwtBearer":
      return { type: "jwt_bearer", assertion: optionalToken(grant.value.assertion, "assertion") };
    case "tokenExchange":
      return toExchange(grant.value);
    default:
      throw new OAuthError(
        "unsupported_grant_type",
        "GRANT_TYPE_UNSUPPORTED",
        "No grant is set. Set client_credentials, token_exchange, refresh_token or jwt_bearer.",
      );
  }
}

function toExchange(grant: TokenExchangeGrant): GrantParameters {
  return {
    type: "token_exchange",
    subjectToken: optionalToken(grant.subjectToken, "subject_token"),
    subjectTokenType: toTokenType(grant.subjectTokenType, "subject_token_type"),
    actorToken: optionalToken(grant.actorToken, "actor_token"),
    actorTokenType: toTokenType(grant.actorTokenType, "actor_token_type"),
    requestedTokenType: toTokenType(grant.requestedTokenType, "requested_token_type"),
  };
}

const TOKEN_TYPES: Readonly<Record<number, TokenType>> = {
  [ProtoTokenType.ACCESS_TOKEN]: "access_token",
  [ProtoTokenType.REFRESH_TOKEN]: "refresh_token",
  [ProtoTokenType.ID_TOKEN]: "id_token",
  [ProtoTokenType.SAML1]: "saml1",
  [ProtoTokenType.SAML2]: "saml2",
  [ProtoTokenType.JWT]: "jwt",
};

function toTokenType(type: ProtoTokenType, name: string): TokenType | undefined {
  if (type === ProtoTokenType.UNSPECIFIED) return undefined;
  const known = TOKEN_TYPES[type]; // proto3 enums are open: a newer caller may send an unknown number
  if (known === undefined) throw invalidRequest("TOKEN_TYPE_UNSUPPORTED", `${name} has an unknown value.`);
  return known;
}

function optionalToken(value: string, name: string): string | undefined {
  return atMost(value, MAX_TOKEN_LENGTH, name) || undefined;
}

function list(values: readonly string[], name: string): readonly string[] {
  if (values.length === 0) return values;
  if (values.length > MAX_PARAMETERS) {
    throw invalidRequest("REQUEST_MALFORMED", `${name} has more than ${MAX_PARAMETERS} values.`);
  }
  for (const value of values) atMost(value, MAX_VALUE_LENGTH, name);
  return values.filter((value) => value !== "");
}

/** Refuses a value that is too long. */
export function atMost(value: string, maxLength: number, name: string): string {
  if (value.length > maxLength) {
    throw invalidRequest("REQUEST_MALFORMED", `${name} is longer than ${maxLength} characters.`);
  }
  return value;
}
