/**
 * Owns the kinds of single values. Every message describes a right value and never repeats the given one, which may be
 * a misplaced secret. Each problem shows the example in `meta`.
 */
import { z } from "zod";
import { SECOND } from "../../time/clock.js";
import { isJsonObject, type JsonObject, type JsonValue } from "../../oauth/json.js";
import { closest } from "./closest.js";
import { parseDuration, spellDuration } from "./duration.js";
import { parseListenAddress } from "./listen-address.js";

const CONTROL = /\p{Cc}/u;

/** A string of 1 to `max` characters without control characters. */
export function text(example: string, max = 500) {
  return z
    .string({ error: "must be a string (put it in quotes if it looks like a number)" })
    .min(1, "must not be empty")
    .max(max, `must have at most ${max} characters`)
    .refine((value) => !CONTROL.test(value), "must not hold control characters")
    .meta({ example });
}

/** A string that matches a pattern; `reason` completes "must ...". */
export function matching(pattern: RegExp, reason: string, example: string, max = 500) {
  return text(example, max).regex(pattern, reason).meta({ example });
}

/** One of some words. The problem of a word in another spelling, or of a URN, names the right one. */
export function oneOf<const T extends readonly string[]>(words: T, example: T[number]) {
  const reason = `must be one of ${words.join(", ")}`;
  return z
    .enum(words, {
      error: ({ input }) => {
        const meant = typeof input === "string" ? meantOf(input, words) : undefined;
        return meant === undefined ? reason : `${reason}; did you mean ${meant}?`;
      },
    })
    .meta({ example });
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[\s-]/g, "_");
}

function meantOf(word: string, words: readonly string[]): string | undefined {
  const last = plain(word.slice(word.lastIndexOf(":") + 1));
  return words.find((known) => plain(known) === last) ?? closest(last, words);
}

/** true or false. */
export function flag(example: boolean) {
  return z.boolean({ error: "must be true or false" }).meta({ example: String(example) });
}

/** A whole number between two, both included. */
export function wholeNumber(min: number, max: number, example: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .int({ error })
    .min(min, error)
    .max(max, error)
    .meta({ example: String(example) });
}

/** A duration in milliseconds between two, both included. */
export function duration(min: number, max: number, example: string) {
  const range = `from ${spellDuration(min)} to ${spellDuration(max)}`;
  return z
    .unknown()
    .transform((value, context): number => {
      const milliseconds = typeof value === "string" ? parseDuration(value) : undefined;
      if (milliseconds !== undefined && milliseconds >= min && milliseconds <= max) return milliseconds;
      context.addIssue({
        code: "custom",
        message:
          milliseconds === undefined
            ? `must be a duration: a whole number and a unit (ms, s, m, h, d), ${range}`
            : `must be ${range}`,
      });
      return z.NEVER;
    })
    .meta({ example });
}

/** A duration that tokens carry, from a second on: in whole seconds, as their times are (RFC 6749 `expires_in`). */
export function lifetime(max: number, example: string) {
  return duration(SECOND, max, example)
    .refine((milliseconds) => milliseconds % SECOND === 0, "must be whole seconds, as the times of tokens are")
    .meta({ example });
}

/** An absolute URL of one of the schemes, without credentials unless allowed, as it was written. */
export function url(schemes: readonly string[], example: string, allows: { readonly credentials?: boolean } = {}) {
  return text(example, 2000)
    .refine(
      (value) => {
        const parsed = URL.parse(value);
        if (parsed === null || !schemes.includes(parsed.protocol.slice(0, -1))) return false;
        return allows.credentials === true || (parsed.username === "" && parsed.password === "");
      },
      `must be an absolute URL (${schemes.join(" or ")})${allows.credentials === true ? "" : " without user and password"}`,
    )
    .meta({ example });
}

/** An issuer identifier (RFC 8414 section 2): https, or http for tests and private networks; no query, no fragment. */
export function issuerUrl(example: string) {
  return url(["https", "http"], example)
    .refine((value) => !/[?#\s]/.test(value), "must have no query, fragment or space")
    .meta({ example });
}

/** `host:port`. */
export function listenAddress(example: string) {
  return z
    .unknown()
    .transform((value, context) => {
      const address = typeof value === "string" ? parseListenAddress(value) : undefined;
      if (address !== undefined) return address;
      context.addIssue({ code: "custom", message: "must be host:port, an IPv6 host in brackets" });
      return z.NEVER;
    })
    .meta({ example });
}

/** An instant in ISO 8601 with a zone, or a date (its first instant in UTC), as milliseconds since the epoch. */
export function instant(example: string) {
  return z
    .unknown()
    .transform((value, context): number => {
      const form = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;
      const milliseconds = typeof value === "string" && form.test(value) ? Date.parse(value) : NaN;
      if (!Number.isNaN(milliseconds)) return milliseconds;
      context.addIssue({ code: "custom", message: "must be a date, or a date and time with its zone" });
      return z.NEVER;
    })
    .meta({ example });
}

/** How deep and how large JSON in the settings may be: it ends up in tokens of at most 8 KiB. */
const MAX_JSON_DEPTH = 8;
const MAX_JSON_CHARACTERS = 4096;

/** A mapping of JSON values. */
export function jsonMapping(example: string, maxCharacters = MAX_JSON_CHARACTERS) {
  return z
    .unknown()
    .transform((value, context): JsonObject => {
      if (isJsonObject(value) && isJson(value, MAX_JSON_DEPTH) && JSON.stringify(value).length <= maxCharacters) {
        return value;
      }
      context.addIssue({
        code: "custom",
        message: `must map names to JSON values, at most ${maxCharacters} characters and ${MAX_JSON_DEPTH} levels`,
      });
      return z.NEVER;
    })
    .meta({ example });
}

function isJson(value: unknown, depth: number): value is JsonValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || depth === 0) return false;
  return Object.entries(value).every(([name, inner]) => name !== "__proto__" && isJson(inner, depth - 1));
}
