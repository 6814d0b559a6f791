/** A service that verifies tokens by itself: follows revocations, and goes on where it was when its stream ends. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import {
  WatchRevocationsRequestSchema,
  WatchRevocationsResponseSchema,
} from "../../src/gen/icemint/v1/token_service_pb.js";
import { pause } from "../client.js";
import { CLIENT } from "../settings.js";
import { CHANNEL_OPTIONS, type GrpcClientOptions } from "./grpc-client.js";

const METHOD = "/icemint.v1.TokenService/WatchRevocations";
const RETRY_MS = 100;

/** Runs it: one stream after another, by cursor. */
export async function runWatcher(options: GrpcClientOptions): Promise<void> {
  const channel = new Client(options.address, credentials.createInsecure(), CHANNEL_OPTIONS);
  let cursor = "";
  while (!options.signal.aborted) {
    cursor = await watch(channel, cursor, options);
    await pause(RETRY_MS, options.signal);
  }
  channel.close();
}

/** One stream, to its end. The cursor to go on with: none if the server no longer knows the last one. */
async function watch(channel: Client, from: string, { who, history, signal }: GrpcClientOptions): Promise<string> {
  let cursor = from;
  const request = create(WatchRevocationsRequestSchema, { cursor, clientId: CLIENT.id, clientSecret: CLIENT.secret });
  const stream = channel.makeServerStreamRequest(
    METHOD,
    () => Buffer.from(toBinary(WatchRevocationsRequestSchema, request)),
    (bytes) => fromBinary(WatchRevocationsResponseSchema, bytes),
    request,
  );
  const cancel = (): void => stream.cancel();
  signal.addEventListener("abort", cancel);
  try {
    for await (const message of stream as AsyncIterable<ReturnType<typeof emptyMessage>>) {
      if (message.cursor !== "") cursor = message.cursor;
      if (message.event.case !== "revocation" || message.event.value.target.case !== "session") continue;
      const at = performance.now();
      const session = message.event.value.target.value;
      history.add({ who, what: "watched", calledAt: at, answeredAt: at, outcome: "ok", session });
    }
    return cursor;
  } catch (error) {
    const isGone = error instanceof Error && "code" in error && error.code === 11; // OUT_OF_RANGE
    return isGone ? "" : cursor;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function emptyMessage() {
  return create(WatchRevocationsResponseSchema);
}
