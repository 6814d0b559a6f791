import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GetKeysResponseSchema, GetTokenResponseSchema } from "../../../src/gen/icemint/v1/token_service_pb.js";
import { encodeTokenResponse } from "../../../src/transport/rpc/lane/token-response-bytes.js";

const text = fc.string({ unit: "grapheme", maxLength: 400 });

describe("the encoder of token answers", () => {
  test("writes the bytes that protobuf's own writer does, behind the room that it is to leave", () => {
    const response = fc.record({
      accessToken: text,
      tokenType: text,
      expiresIn: fc.nat(),
      issuedTokenType: text,
      refreshToken: text,
      scope: text,
    });
    fc.assert(
      fc.property(response, fc.nat(8), (fields, headroom) => {
        const message = create(GetTokenResponseSchema, fields);
        const bytes = encodeTokenResponse(message, headroom);
        expect(bytes?.subarray(headroom)).toEqual(Buffer.from(toBinary(GetTokenResponseSchema, message)));
      }),
    );
  });

  test("leaves alone what it does not know", () => {
    expect(encodeTokenResponse(create(GetKeysResponseSchema), 0)).toBeUndefined();
    expect(encodeTokenResponse(create(GetTokenResponseSchema, { expiresIn: -1 }), 0)).toBeUndefined();
  });
});
