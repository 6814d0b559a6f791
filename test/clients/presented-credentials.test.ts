import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isBasic, readBasic } from "../../src/clients/presented-credentials.js";

function basic(text: string | Uint8Array): string {
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

/** As RFC 6749 appendix B and Nimbus encode each half. */
function formEncode(text: string): string {
  return new URLSearchParams({ "": text }).toString().slice(1);
}

const half = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }).filter((text) => text.isWellFormed());

describe("a Basic header", () => {
  test("gives the raw pair first, as Iceberg's Java client and PyIceberg send it", () => {
    fc.assert(
      fc.property(
        half.filter((id) => !id.includes(":")),
        half,
        (clientId, secret) => {
          expect(readBasic(basic(`${clientId}:${secret}`))[0]).toEqual({ clientId, secret });
        },
      ),
    );
  });

  test("gives the form-decoded pair last, as RFC 6749 section 2.3.1 and Nimbus encode it", () => {
    fc.assert(
      fc.property(half, half, (clientId, secret) => {
        const sent = `${formEncode(clientId)}:${formEncode(secret)}`;
        expect(readBasic(basic(sent)).at(-1)).toEqual({ clientId, secret });
      }),
    );
  });

  test("gives one pair for generated ids and secrets, which both spellings share", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{1,60}:[A-Za-z0-9_-]{1,60}$/), (text) => {
        expect(readBasic(basic(text))).toHaveLength(1);
      }),
    );
  });

  test("splits at the first colon", () => {
    expect(readBasic(basic("spark:a:b:c"))).toEqual([{ clientId: "spark", secret: "a:b:c" }]);
  });

  test("decodes the halves after the split, so that an encoded colon does not split", () => {
    expect(readBasic(basic("a%3Ab:c+d")).at(-1)).toEqual({ clientId: "a:b", secret: "c d" });
  });

  test("without a colon is a secret alone", () => {
    expect(readBasic(basic("icm_secret"))).toEqual([{ clientId: undefined, secret: "icm_secret" }]);
  });

  test("with nothing before the colon is a secret alone, as DuckDB sends it", () => {
    expect(readBasic(basic(":icm_secret"))).toEqual([{ clientId: undefined, secret: "icm_secret" }]);
    expect(readBasic(basic(":a:b"))).toEqual([{ clientId: undefined, secret: "a:b" }]);
    expect(readBasic(basic(":a%2Bb")).at(-1)).toEqual({ clientId: undefined, secret: "a+b" });
  });

  test("keeps only the raw pair where form decoding fails", () => {
    expect(readBasic(basic("spark:100%"))).toEqual([{ clientId: "spark", secret: "100%" }]);
    expect(readBasic(basic("spark:%ff"))).toEqual([{ clientId: "spark", secret: "%ff" }]);
  });

  test.each([
    ["an empty secret", basic("spark:")],
    ["only a colon", basic(":")],
    ["nothing", basic("")],
    ["no value", "Basic"],
    ["characters outside base64", "Basic c3Bhcms6c2Vjcm*V0"],
    ["whitespace inside", "Basic c3Bhcms6 c2VjcmV0"],
    ["a trailing newline", `${basic("spark:secret")}\n`],
    ["missing padding", "Basic c3Bhcms6c2VjcmU"],
    ["excess padding", "Basic c3Bhcms6c2VjcmV0===="],
    ["stray bits in the last character", "Basic c3Bhcms6c2VjcmW="],
    ["the URL alphabet", basic("spark:~~~???").replaceAll("/", "_")],
    ["broken UTF-8", basic(Uint8Array.of(0x61, 0x3a, 0xff, 0xfe))],
    ["more than 28 KiB", basic(`spark:${"a".repeat(30_000)}`)],
  ])("with %s gives no pair", (_, header) => {
    expect(readBasic(header)).toEqual([]);
  });

  test("has room for a federated JWT of 16 KiB", () => {
    expect(readBasic(basic(`spark:${"a".repeat(16 * 1024)}`))).toHaveLength(1);
  });

  test("is known by its scheme in any case", () => {
    expect(isBasic("bAsIc abc")).toBe(true);
    expect(isBasic("Basic")).toBe(true);
    expect(isBasic("Basically abc")).toBe(false);
    expect(isBasic("Bearer abc")).toBe(false);
    expect(readBasic(basic("a:b").replace("Basic", "BASIC"))).toEqual([{ clientId: "a", secret: "b" }]);
  });

  test("never throws, whatever follows the scheme", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect(readBasic(`Basic ${text}`).length).toBeLessThanOrEqual(2);
        expect(readBasic(basic(Buffer.from(text, "latin1"))).length).toBeLessThanOrEqual(2);
      }),
    );
  });
});
