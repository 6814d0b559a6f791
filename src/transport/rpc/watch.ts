/** `WatchRevocations`: all revocations in force, a mark, then each new one. A heartbeat says how fresh the view is. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { Operators } from "../../endpoints/operator.js";
import { OAuthError } from "../../oauth/error.js";
import type { CallerRequest } from "../../oauth/request.js";
import type { Revocation } from "../../oauth/revocation.js";
import type { FeedEvent, RevocationFeed } from "../../revocations/feed.js";
import {
  WatchRevocationsResponseSchema,
  type RevocationSchema,
  type WatchRevocationsRequest,
  type WatchRevocationsResponse,
} from "../../gen/icemint/v1/token_service_pb.js";
import type { Admission, Steps } from "../admission.js";
import { MAX_VALUE_LENGTH } from "../limits.js";
import type { EndlessStreams } from "./endless-streams.js";
import { toConnectError } from "./errors.js";
import { atMost, callerRequest, checkedClient } from "./mapping.js";
import { type RpcCall, rpcCallOf } from "./rpc-server.js";

export interface WatchOptions {
  readonly feed: Pick<RevocationFeed, "subscribe">;
  readonly operators: Operators;
  readonly admission: Admission;
  /** Ends a stream when its server or connection retires. Its caller resumes elsewhere. */
  readonly streams: Pick<EndlessStreams, "endOf">;
  /** A stream ends after this: callers then spread over new replicas. */
  readonly maxAgeMs: number;
}

export function createWatchRevocations({ feed, operators, admission, streams, maxAgeMs }: WatchOptions) {
  const begin: Steps<{ message: WatchRevocationsRequest; call: RpcCall }, CallerRequest, void, void> = {
    endpoint: "watch_revocations",
    read({ message, call }) {
      atMost(message.cursor, MAX_VALUE_LENGTH, "cursor");
      return callerRequest(call, checkedClient(message));
    },
    work: (request) => operators.run("watch_revocations", request, () => {}),
    show: () => {},
  };
  return async function* watchRevocations(
    message: WatchRevocationsRequest,
    context: HandlerContext,
  ): AsyncGenerator<WatchRevocationsResponse> {
    const call = rpcCallOf(context);
    try {
      await admission.admit(begin, { message, call }, call.caller);
    } catch (error) {
      throw toConnectError(error);
    }
    call.arrival.exempt();
    const ended = AbortSignal.any([context.signal, streams.endOf(call.arrival), AbortSignal.timeout(maxAgeMs)]);
    let { cursor } = message;
    try {
      for await (const event of feed.subscribe(message.cursor || undefined, ended)) {
        ({ cursor } = event);
        yield fromEvent(event);
      }
      yield response({ case: "heartbeat", value: {} }, cursor); // its cursor says where to resume
      throw goingAway();
    } catch (error) {
      if (call.arrival.isOver) return; // the event could not be sent, as the caller is gone
      // An OAuthError is a planned end of the feed or the server, and no refusal. All other errors are our fault.
      throw toConnectError(
        error instanceof OAuthError ? error : admission.refuse("watch_revocations", call.caller, error),
      );
    }
  };
}

function fromEvent(event: FeedEvent): WatchRevocationsResponse {
  switch (event.kind) {
    case "caught_up":
      return response({ case: "caughtUp", value: {} }, event.cursor);
    case "heartbeat":
      return response({ case: "heartbeat", value: viewAge(event.viewAgeMs) }, event.cursor);
    case "revocation":
      return response({ case: "revocation", value: fromRevocation(event.revocation) }, event.cursor);
  }
}

/** Undefined for a view that never was complete. */
function viewAge(ageMs: number) {
  return Number.isFinite(ageMs) ? { viewAge: durationFromMs(Math.round(ageMs)) } : {};
}

type EventInit = NonNullable<Exclude<MessageInitShape<typeof WatchRevocationsResponseSchema>["event"], undefined>>;

function response(event: EventInit, cursor: string): WatchRevocationsResponse {
  return create(WatchRevocationsResponseSchema, { event, cursor });
}

function fromRevocation(revocation: Revocation): MessageInitShape<typeof RevocationSchema> {
  const expireTime = timestampFromMs(revocation.expiresAt);
  switch (revocation.kind) {
    case "session":
      return { target: { case: "session", value: revocation.sessionId }, expireTime };
    case "key":
      return { target: { case: "key", value: revocation.kid }, expireTime };
    case "subject":
      return { target: { case: "subject", value: revocation.subject }, ...notBefore(revocation), expireTime };
    case "client":
      return { target: { case: "client", value: revocation.clientId }, ...notBefore(revocation), expireTime };
    case "client_prefix":
      return { target: { case: "clientPrefix", value: revocation.prefix }, ...notBefore(revocation), expireTime };
    case "everything":
      return { target: { case: "everything", value: true }, ...notBefore(revocation), expireTime };
  }
}

function notBefore(revocation: { readonly notBefore: number }) {
  return { notBeforeTime: timestampFromMs(revocation.notBefore) };
}

function goingAway(): OAuthError {
  return new OAuthError(
    "temporarily_unavailable",
    "OVERLOADED",
    "The server ends this stream. Resume with the last cursor.",
    { retryAfterSeconds: 0 },
  );
}
