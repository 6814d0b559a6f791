import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { knownParameters, parseFormBody } from "../../../src/transport/rest/form.js";

const NAMES = ["grant_type", "scope", "client_id", "client_secret", "audience", "resource"] as const;
const known = knownParameters(...NAMES);
const parse = (text: string) => parseFormBody(Buffer.from(text), known);

/** Text without lone surrogates, which no encoder can spell. */
const text = fc.string({ unit: "grapheme", maxLength: 40 });
const otherName = text.filter((name) => !NAMES.some((known_) => known_ === name));

describe("the scanner of form bodies", () => {
  test("reads what URLSearchParams writes, whatever the values", () => {
    fc.assert(
      fc.property(fc.record({ scope: text, client_id: text, client_secret: text }), (values) => {
        const form = parse(new URLSearchParams(values).toString());
        for (const [name, value] of Object.entries(values)) {
          expect(form[name as keyof typeof values]).toBe(value === "" ? undefined : value);
        }
      }),
    );
  });

  test("reads what encodeURIComponent writes, whatever the values", () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(parse(`scope=${encodeURIComponent(value)}`).scope).toBe(value === "" ? undefined : value);
      }),
    );
  });

  test("keeps every value of audience and resource, in order, and drops empty ones", () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 20 }), (values) => {
        const body = new URLSearchParams(values.map((value): [string, string] => ["audience", value])).toString();
        expect(parse(body).audience).toEqual(values.filter((value) => value !== ""));
      }),
    );
  });

  test("is not moved by parameters that it does not know", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(otherName, text), { maxLength: 20 }), (others) => {
        const body = new URLSearchParams([...others, ["scope", "catalog"], ...others]).toString();
        expect(parse(body)).toEqual(parse("scope=catalog"));
      }),
    );
  });

  test("never throws anything but a refusal, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          parseFormBody(Buffer.from(bytes), known);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid_request", reason: "REQUEST_MALFORMED" });
        }
      }),
    );
  });

  test("takes a value for what its bytes say, or refuses it: never repairs it as URLSearchParams does", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), (bytes) => {
        const escaped = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
        const strict = () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
        let wanted: string | undefined;
        try {
          wanted = strict();
        } catch {
          expect(() => parse(`scope=${escaped}`)).toThrow("not well-formed");
          return;
        }
        expect(parse(`scope=${escaped}`).scope).toBe(wanted);
      }),
    );
  });

  test("refuses a repeat however its name is spelt", () => {
    for (const second of ["scope", "%73cope", "scop%65", "%73%63%6F%70%65"]) {
      expect(() => parse(`scope=a&${second}=b`)).toThrow("more than once");
    }
  });

  test("names no value in a refusal", () => {
    for (const body of ["client_secret=s3cr3t&client_secret=s3cr3t", "client_secret=s3cr3t%", "scope=a&scope=s3cr3t"]) {
      expect(() => parse(body)).toThrow(expect.not.objectContaining({ message: expect.stringContaining("s3cr3t") }));
    }
  });
});
