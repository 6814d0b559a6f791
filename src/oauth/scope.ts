/** Scope as RFC 6749 section 3.3 has it: a set of words. Kept as a list in the order asked for, without repeats. */
import { OAuthError } from "./error.js";

/** Scope words, each once. */
export type Scope = readonly string[];

/** At most this many words in one request. */
export const MAX_SCOPE_WORDS = 100;

const WORD = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

/**
 * Reads a scope parameter. Absent, empty or only spaces: undefined (treated as omitted; Java, PyIceberg and DuckDB send
 * `scope=`). Leading, trailing and doubled spaces are dropped. Throws `invalid_scope` for anything else malformed.
 */
export function parseScope(value: string | undefined): Scope | undefined {
  if (value === undefined || value === "") return undefined;
  if (!value.includes(" ") && WORD.test(value)) return [value];
  const words = new Set(value.split(" ").filter((word) => word !== ""));
  if (words.size === 0) return undefined;
  if (words.size > MAX_SCOPE_WORDS) {
    throw new OAuthError("invalid_scope", "SCOPE_MALFORMED", `scope has more than ${MAX_SCOPE_WORDS} words.`);
  }
  for (const word of words) {
    if (!WORD.test(word)) {
      throw new OAuthError(
        "invalid_scope",
        "SCOPE_MALFORMED",
        "scope holds a character that RFC 6749 section 3.3 does not allow. Send words with single spaces between.",
      );
    }
  }
  return [...words];
}
