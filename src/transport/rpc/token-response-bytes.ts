import { isMessage, type Message } from "@bufbuild/protobuf";
import { GetTokenResponseSchema } from "../../gen/icemint/v1/token_service_pb.js";

/** Encodes a message in protobuf; undefined if it is not one that it knows how to. */
export type MessageEncoder = (message: Message) => Uint8Array | undefined;

const LENGTH_DELIMITED = 2;
const MAX_TAG_AND_LENGTH_BYTES = 6;

/**
 * Encodes `GetTokenResponse` by hand, as it is the answer to nearly every call. Protobuf's writer reserves three bytes for
 * each character and fills them with zeros, twice over as it grows: a twentieth of what a call costs. The bytes are the
 * same, which a test checks.
 */
export const encodeTokenResponse: MessageEncoder = (message) => {
  if (!isMessage(message, GetTokenResponseSchema) || message.expiresIn < 0 || message.$unknown !== undefined) {
    return undefined;
  }
  const { accessToken, tokenType, expiresIn, issuedTokenType, refreshToken, scope } = message;
  const texts = [accessToken, tokenType, issuedTokenType, refreshToken, scope];
  const room = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + MAX_TAG_AND_LENGTH_BYTES, 0);
  const bytes = Buffer.allocUnsafe(room + MAX_TAG_AND_LENGTH_BYTES);
  let at = writeText(bytes, 0, 1, accessToken);
  at = writeText(bytes, at, 2, tokenType);
  if (expiresIn !== 0) at = writeVarint(bytes, bytes.writeUInt8(3 << 3, at), expiresIn);
  at = writeText(bytes, at, 4, issuedTokenType);
  at = writeText(bytes, at, 5, refreshToken);
  at = writeText(bytes, at, 6, scope);
  return bytes.subarray(0, at);
};

/** Writes one field and returns where the next one goes; an empty text is not written. */
function writeText(bytes: Buffer, at: number, field: number, text: string): number {
  if (text === "") return at;
  const begin = writeVarint(bytes, bytes.writeUInt8((field << 3) | LENGTH_DELIMITED, at), Buffer.byteLength(text));
  return begin + bytes.write(text, begin);
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let place = at;
  while (rest > 0x7f) {
    place = bytes.writeUInt8((rest & 0x7f) | 0x80, place);
    rest >>>= 7;
  }
  return bytes.writeUInt8(rest, place);
}
