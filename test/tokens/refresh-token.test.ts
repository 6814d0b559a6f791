import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatRefreshToken, parseRefreshToken } from "../../src/tokens/refresh-token.js";

const macKey = randomBytes(32);
const familyId = randomBytes(16).toString("base64url");

describe("a refresh token", () => {
  test("names its family and generation", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_999_999_999 }), (generation) => {
        const token = formatRefreshToken({ familyId, generation }, macKey);
        expect(parseRefreshToken(token, macKey)).toEqual({ familyId, generation });
      }),
    );
  });

  test("is derived: the same family and generation make the same token", () => {
    expect(formatRefreshToken({ familyId, generation: 3 }, macKey)).toBe(
      formatRefreshToken({ familyId, generation: 3 }, macKey),
    );
  });

  test("with any one character changed is none of ours", () => {
    const token = formatRefreshToken({ familyId, generation: 7 }, macKey);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    for (let at = 0; at < token.length; at++) {
      for (const character of alphabet) {
        if (character === token[at]) continue;
        expect(parseRefreshToken(token.slice(0, at) + character + token.slice(at + 1), macKey)).toBeUndefined();
      }
    }
  });

  test("made with another MAC key is none of ours", () => {
    expect(parseRefreshToken(formatRefreshToken({ familyId, generation: 0 }, randomBytes(32)), macKey)).toBeUndefined();
  });
});
