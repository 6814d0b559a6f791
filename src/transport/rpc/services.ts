/** The services of icemint. Each method reads, calls the core and shows its answer; none knows a rule of a grant. */
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { KeysFixedError, type KeyOperations } from "../../keys/key-operations.js";
import type { KeyRing } from "../../keys/key-ring.js";
import type { IntrospectionEndpoint } from "../../endpoints/introspection.js";
import type { RevocationEndpoint } from "../../endpoints/revocation.js";
import type { TokenEndpoint } from "../../grants/token-endpoint.js";
import type { WatchAuthorizer } from "../../endpoints/operator.js";
import { toOAuthError } from "../../oauth/error.js";
import { type Eventually, andThen, attempt } from "../../oauth/eventually.js";
import type { TransportEvents } from "../../telemetry/events.js";
import type { KeyService } from "../../gen/icemint/v1/key_service_pb.js";
import type { TokenService } from "../../gen/icemint/v1/token_service_pb.js";
import type { Gate } from "../gate.js";
import { MAX_TOKEN_LENGTH, MAX_VALUE_LENGTH } from "../limits.js";
import { callerRequest, rpcCallOf, type RpcCall } from "./call-context.js";
import { failedPrecondition, toConnectError } from "./errors.js";
import {
  checkedClient,
  fromIntrospection,
  fromKeyInfo,
  fromPublished,
  fromTokenResponse,
  required,
  toRevocationTarget,
  toTokenRequest,
} from "./mapping.js";

/** What the services are made of. */
export interface ServiceOptions {
  readonly tokenEndpoint: TokenEndpoint;
  readonly revocationEndpoint: RevocationEndpoint;
  readonly introspectionEndpoint: IntrospectionEndpoint;
  readonly watchAuthorizer: WatchAuthorizer;
  readonly keyRing: Pick<KeyRing, "published">;
  readonly keyOperations: KeyOperations;
  readonly gate: Gate;
  readonly events: TransportEvents;
}

type Unary<Message, Answer> = (message: Message, context: HandlerContext) => Eventually<Answer>;

/**
 * Wraps a method in three steps: `read`, whose refusals are told to the audit here; `work`, in which the core audits its
 * own; `show`. Whatever is thrown becomes an RPC error.
 */
function method<Message, Plain, Result, Answer>(
  { gate, events }: Pick<ServiceOptions, "gate" | "events">,
  read: (message: Message, call: RpcCall) => Plain,
  work: (plain: Plain) => Eventually<Result>,
  show: (result: Result) => Answer,
): Unary<Message, Answer> {
  const attempted = {
    work: (plain: Plain) => andThen(work(plain), show),
    recover: refuse,
    lastly: () => gate.leave(),
  };
  return (message, context) => {
    const call = rpcCallOf(context);
    let plain: Plain;
    try {
      plain = read(message, call);
      gate.enter();
    } catch (error) {
      const refusal = toOAuthError(error);
      events.requestRefused(call.caller, refusal, 0);
      throw toConnectError(refusal);
    }
    return attempt(attempted, plain);
  };
}

function refuse(error: unknown): never {
  throw toConnectError(error);
}

const showNothing = () => ({});

/** `TokenService` without `WatchRevocations`. */
export function createTokenService(
  options: ServiceOptions,
): Omit<ServiceImpl<typeof TokenService>, "watchRevocations"> {
  const { tokenEndpoint, revocationEndpoint, introspectionEndpoint, keyRing } = options;
  return {
    getToken: method(options, toTokenRequest, (request) => tokenEndpoint.token(request), fromTokenResponse),
    revokeToken: method(
      options,
      (message, call) => ({
        ...callerRequest(call, checkedClient(message)),
        target: toRevocationTarget(message),
      }),
      (request) => revocationEndpoint.revoke(request),
      showNothing,
    ),
    introspectToken: method(
      options,
      (message, call) => ({
        ...callerRequest(call, checkedClient(message)),
        token: required(message.token, MAX_TOKEN_LENGTH, "token"),
      }),
      (request) => introspectionEndpoint.introspect(request),
      fromIntrospection,
    ),
    getKeys: method(
      options,
      () => undefined,
      () => keyRing.published(),
      fromPublished,
    ),
  };
}

/** `KeyService`: every method needs the permission, whatever it does. */
export function createKeyService(options: ServiceOptions): ServiceImpl<typeof KeyService> {
  const { watchAuthorizer, keyOperations } = options;
  return {
    listKeys: method(
      options,
      (_message, call) => callerRequest(call),
      async (request) => {
        await watchAuthorizer.authorizeKeyChange(request);
        return keyOperations.list();
      },
      (keys) => ({ keys: keys.map(fromKeyInfo) }),
    ),
    rotateKeys: method(
      options,
      (_message, call) => callerRequest(call),
      async (request) => {
        await watchAuthorizer.authorizeKeyChange(request);
        return unlessFixed(keyOperations.rotate());
      },
      (key) => ({ key: fromKeyInfo(key) }),
    ),
    revokeKey: method(
      options,
      (message, call) => ({ ...callerRequest(call), kid: required(message.kid, MAX_VALUE_LENGTH, "kid") }),
      async ({ kid, ...request }) => {
        await watchAuthorizer.authorizeKeyChange(request);
        await unlessFixed(keyOperations.revoke(kid));
      },
      showNothing,
    ),
  };
}

/** Keys that change elsewhere are no fault of ours, and no retry helps. */
async function unlessFixed<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof KeysFixedError ? failedPrecondition(error.message) : error;
  }
}
