/** The bodies of calls on the stock road, under the same bounds as those on the fast lane. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { Body } from "../body.js";
import type { Exchange } from "../exchange.js";
import { overload } from "../admission.js";
import { MAX_MESSAGE_BYTES, MAX_STREAM_BYTES } from "../limits.js";
import { toConnectError } from "./errors.js";

/** What a piece costs besides its bytes. */
const PIECE_BYTES = 256;

/** A body that was collected, or the refusal of one that was not, in the caller's protocol. */
// eslint-disable-next-line require-await -- Connect takes nothing but asynchronous bodies
export async function* oneMessage(body: Body): AsyncGenerator<Uint8Array> {
  if (body === "no_room") throw toConnectError(overload());
  if (body === "too_large") {
    const complaint = `message size is larger than configured readMaxBytes ${MAX_MESSAGE_BYTES}`;
    throw new ConnectError(complaint, Code.ResourceExhausted);
  }
  if (body.length > 0) yield body;
}

/** A body of many messages, as it comes. What it brings counts until the call ends. */
export async function* boundedMessages(
  body: AsyncIterable<Uint8Array>,
  exchange: Exchange,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const piece of body) {
    size += piece.byteLength;
    if (size > MAX_STREAM_BYTES) {
      throw new ConnectError(`a call may send at most ${MAX_STREAM_BYTES} bytes`, Code.ResourceExhausted);
    }
    exchange.hold(piece.byteLength + PIECE_BYTES);
    yield Uint8Array.from(piece); // a piece may keep alive the whole buffer that the connection was read into
  }
}
