/** The services of icemint. Each method reads, calls the core and shows its answer. None knows a rule of a grant. */
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { IntrospectionEndpoint } from "../../endpoints/introspection.js";
import type { Operators } from "../../endpoints/operator.js";
import type { RevocationEndpoint } from "../../endpoints/revocation.js";
import type { KeyService } from "../../gen/icemint/v1/key_service_pb.js";
import type { TokenService } from "../../gen/icemint/v1/token_service_pb.js";
import type { TokenEndpoint } from "../../grants/token-endpoint.js";
import { KeysFixedError, type KeyOperations } from "../../keys/key-operations.js";
import type { KeyRing } from "../../keys/key-ring.js";
import { OAuthError } from "../../oauth/error.js";
import type { Admission, Steps } from "../admission.js";
import { MAX_TOKEN_LENGTH, MAX_VALUE_LENGTH } from "../limits.js";
import { toConnectError } from "./errors.js";
import {
  callerRequest,
  checkedClient,
  fromIntrospection,
  fromKeyInfo,
  fromPublished,
  fromTokenResponse,
  required,
  toRevocationTarget,
  toTokenRequest,
} from "./mapping.js";
import { rpcCallOf, type RpcCall } from "./rpc-server.js";

export interface TokenServiceOptions {
  readonly tokenEndpoint: TokenEndpoint;
  readonly revocationEndpoint: RevocationEndpoint;
  readonly introspectionEndpoint: IntrospectionEndpoint;
  readonly keyRing: Pick<KeyRing, "published">;
  readonly admission: Admission;
}

export interface KeyServiceOptions {
  readonly operators: Operators;
  readonly keyOperations: KeyOperations;
  readonly admission: Admission;
}

interface Input<Message> {
  readonly message: Message;
  readonly call: RpcCall;
}

/** Every refusal becomes an RPC error. */
export function method<Message, Plain, Result, Answer>(
  admission: Admission,
  steps: Steps<Input<Message>, Plain, Result, Answer>,
): (message: Message, context: HandlerContext) => Promise<Answer> {
  return async (message, context) => {
    const call = rpcCallOf(context);
    try {
      return await admission.admit(steps, { message, call }, call.caller);
    } catch (error) {
      throw toConnectError(error);
    }
  };
}

const showNothing = () => ({});

/** `TokenService` without `WatchRevocations`. */
export function createTokenService(
  options: TokenServiceOptions,
): Omit<ServiceImpl<typeof TokenService>, "watchRevocations"> {
  const { tokenEndpoint, revocationEndpoint, introspectionEndpoint, keyRing, admission } = options;
  return {
    getToken: method(admission, {
      endpoint: "token",
      read: ({ message, call }) => toTokenRequest(message, call),
      work: (request) => tokenEndpoint.token(request),
      show: fromTokenResponse,
    }),
    revokeToken: method(admission, {
      endpoint: "revoke",
      read: ({ message, call }) => ({
        ...callerRequest(call, checkedClient(message)),
        target: toRevocationTarget(message),
        validateOnly: message.validateOnly,
      }),
      work: (request) => revocationEndpoint.revoke(request),
      show: ({ known }) => (known === undefined ? {} : { known }),
    }),
    introspectToken: method(admission, {
      endpoint: "introspect",
      read: ({ message, call }) => ({
        ...callerRequest(call, checkedClient(message)),
        token: required(message.token, MAX_TOKEN_LENGTH, "token"),
      }),
      work: (request) => introspectionEndpoint.introspect(request),
      show: fromIntrospection,
    }),
    getKeys: method(admission, {
      endpoint: "keys",
      read: () => undefined,
      work: () => keyRing.published(),
      show: fromPublished,
    }),
  };
}

/** Every method of `KeyService` needs a permission. */
export function createKeyService(options: KeyServiceOptions): ServiceImpl<typeof KeyService> {
  const { operators, keyOperations, admission } = options;
  return {
    listKeys: method(admission, {
      endpoint: "list_keys",
      read: ({ call }) => callerRequest(call),
      work: (request) => operators.run("list_keys", request, () => keyOperations.list()),
      show: (keys) => ({ keys: keys.map(fromKeyInfo) }),
    }),
    rotateKeys: method(admission, {
      endpoint: "rotate_keys",
      read: ({ call }) => callerRequest(call),
      work: (request) =>
        operators.run(
          "rotate_keys",
          request,
          () => unlessFixed(keyOperations.rotate()),
          ({ kid }) => kid,
        ),
      show: (key) => ({ key: fromKeyInfo(key) }),
    }),
    revokeKey: method(admission, {
      endpoint: "revoke_key",
      read: ({ message, call }) => ({
        ...callerRequest(call),
        kid: required(message.kid, MAX_VALUE_LENGTH, "kid"),
      }),
      work: ({ kid, ...request }) =>
        operators.run("revoke_key", request, () => unlessFixed(keyOperations.revoke(kid)), kid),
      show: showNothing,
    }),
  };
}

/** Keys in files or in Vault change elsewhere: the caller must not retry here. */
async function unlessFixed<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof KeysFixedError)) throw error;
    throw new OAuthError("invalid_request", "PARAMETER_INVALID", error.message, { cause: error });
  }
}
