/** gRPC's length-prefixed messages: one flag byte, four bytes of length, the message. */
import { Code, ConnectError } from "@connectrpc/connect";
import { compressedFlag, type Compression } from "@connectrpc/connect/protocol";

/** Bytes in front of each message. */
export const ENVELOPE_BYTES = 5;

/**
 * The message of a unary request. Answers at once unless it has to be decompressed. Throws what stock Connect throws for
 * a body that does not hold exactly one message.
 */
export function openEnvelope(
  body: Buffer,
  compression: Compression | null,
  maxBytes: number,
): Uint8Array | Promise<Uint8Array> {
  if (body.length === 0) {
    throw new ConnectError("protocol error: missing input message for unary method", Code.Unimplemented);
  }
  if (body.length < ENVELOPE_BYTES) throw incomplete();
  const size = body.readUInt32BE(1);
  if (size > maxBytes) {
    throw new ConnectError(
      `message size ${size} is larger than configured readMaxBytes ${maxBytes}`,
      Code.ResourceExhausted,
    );
  }
  if (body.length < ENVELOPE_BYTES + size) throw incomplete();
  if (body.length > ENVELOPE_BYTES + size) {
    throw new ConnectError("protocol error: received extra input message for unary method", Code.Unimplemented);
  }
  const message = body.subarray(ENVELOPE_BYTES);
  if ((body.readUInt8(0) & compressedFlag) === 0) return message;
  if (compression === null) {
    throw new ConnectError("received compressed envelope, but do not know how to decompress", Code.Internal);
  }
  return compression.decompress(message, maxBytes);
}

/** Puts a message into an envelope, uncompressed. */
export function closeEnvelope(message: Uint8Array): Buffer {
  const envelope = Buffer.allocUnsafe(ENVELOPE_BYTES + message.byteLength);
  envelope[0] = 0;
  envelope.writeUInt32BE(message.byteLength, 1);
  envelope.set(message, ENVELOPE_BYTES);
  return envelope;
}

function incomplete(): ConnectError {
  return new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
}
