import { Code, ConnectError } from "@connectrpc/connect";
import type { MethodKind } from "./service-list.js";
import type { Exchange } from "../exchange.js";
import { overload } from "../admission.js";
import { MAX_STREAM_BYTES } from "../limits.js";
import type { UnderWay } from "../under-way.js";
import { toConnectError } from "./errors.js";

/** The cost of a piece besides its bytes. */
const PIECE_BYTES = 256;

export interface MeteredCall {
  readonly exchange: Exchange;
  readonly underWay: UnderWay;
  readonly admits: () => boolean;
  readonly kind: MethodKind;
}

/**
 * The body of a call on the stock road, under the bounds of the fast lane. Without room nothing is collected, all bytes
 * count, and a message must arrive in time. The time of streams is not bounded.
 */
export async function* meteredBody(
  body: AsyncIterable<Uint8Array>,
  { exchange, underWay, admits, kind }: MeteredCall,
): AsyncGenerator<Uint8Array> {
  if (!admits()) throw toConnectError(overload());
  if (kind === "bidi_streaming") exchange.beganAt = undefined;
  let size = 0;
  for await (const piece of body) {
    size += piece.byteLength;
    if (size > MAX_STREAM_BYTES) {
      throw new ConnectError(`a call may send at most ${MAX_STREAM_BYTES} bytes`, Code.ResourceExhausted);
    }
    exchange.hold(piece.byteLength + PIECE_BYTES);
    yield Uint8Array.from(piece); // a piece may keep alive the whole buffer that the connection was read into
  }
  underWay.arrived(exchange);
  if (kind !== "unary") exchange.beganAt = undefined;
}
