import { isMessage, type Message } from "@bufbuild/protobuf";
import { GetTokenResponseSchema } from "../../../gen/icemint/v1/token_service_pb.js";

/** Encodes a message in protobuf, leaving bytes free in front of it; undefined if it is not one that it knows how to. */
export type MessageEncoder = (message: Message, headroom: number) => Buffer | undefined;

const LENGTH_DELIMITED = 2;
const TAG_BYTES = 1;
const MAX_VARINT_BYTES = 5;
const MAX_FIXED_BYTES = 6 * (TAG_BYTES + MAX_VARINT_BYTES);

/**
 * Encodes `GetTokenResponse` by hand, as it is the answer to nearly every call. Protobuf's writer reserves three bytes for
 * each character and fills them with zeros, twice over as it grows: a twentieth of what a call costs. The bytes are the
 * same, which a test checks.
 */
export const encodeTokenResponse: MessageEncoder = (message, headroom) => {
  if (!isMessage(message, GetTokenResponseSchema) || message.expiresIn < 0 || message.$unknown !== undefined) {
    return undefined;
  }
  const { accessToken, tokenType, expiresIn, issuedTokenType, refreshToken, scope } = message;
  const accessTokenBytes = Buffer.byteLength(accessToken);
  const tokenTypeBytes = Buffer.byteLength(tokenType);
  const issuedTokenTypeBytes = Buffer.byteLength(issuedTokenType);
  const refreshTokenBytes = Buffer.byteLength(refreshToken);
  const scopeBytes = Buffer.byteLength(scope);
  const textBytes = accessTokenBytes + tokenTypeBytes + issuedTokenTypeBytes + refreshTokenBytes + scopeBytes;
  const bytes = Buffer.allocUnsafe(headroom + textBytes + MAX_FIXED_BYTES);
  let at = writeText(bytes, headroom, 1, accessToken, accessTokenBytes);
  at = writeText(bytes, at, 2, tokenType, tokenTypeBytes);
  if (expiresIn !== 0) {
    bytes[at] = 3 << 3;
    at = writeVarint(bytes, at + TAG_BYTES, expiresIn);
  }
  at = writeText(bytes, at, 4, issuedTokenType, issuedTokenTypeBytes);
  at = writeText(bytes, at, 5, refreshToken, refreshTokenBytes);
  at = writeText(bytes, at, 6, scope, scopeBytes);
  return bytes.subarray(0, at);
};

/** Writes one field and returns where the next one goes; an empty text is not written. */
function writeText(bytes: Buffer, at: number, field: number, text: string, textBytes: number): number {
  if (textBytes === 0) return at;
  bytes[at] = (field << 3) | LENGTH_DELIMITED;
  const begin = writeVarint(bytes, at + TAG_BYTES, textBytes);
  return begin + bytes.write(text, begin);
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let place = at;
  for (; rest > 0x7f; place++) {
    bytes[place] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[place] = rest;
  return place + 1;
}
