import type { JsonValue } from "../oauth/json.js";

/** Deeper nesting is refused. */
const MAX_DEPTH = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Why a JSON string was refused. Quotes nothing of it. */
export class StrictJsonError extends Error {
  override readonly name = "StrictJsonError";
}

/**
 * Parses JSON (RFC 8259) and refuses what parsers disagree on: a member that occurs twice in one object, however it is
 * spelt, and nesting deeper than 16. Throws `StrictJsonError`.
 */
export function parseStrictJson(text: string): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes its input, which may be a token's.
    throw new StrictJsonError("is not JSON");
  }
  checkMembers(text);
  return value;
}

/** Walks over a string that is known to be JSON. Only strings and brackets matter. */
function checkMembers(text: string): void {
  // The names seen in each open object; undefined for an open list.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case "{":
      case "[":
        if (open.length === MAX_DEPTH) throw new StrictJsonError(`is nested deeper than ${MAX_DEPTH}`);
        open.push(text[at] === "{" ? new Set() : undefined);
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case '"': {
        const end = endOfString(text, at);
        if (isFollowedByColon(text, end)) addName(open.at(-1), text.slice(at, end));
        at = end - 1;
        break;
      }
      default:
    }
  }
}

function addName(names: Set<string> | undefined, literal: string): void {
  const name = literal.includes("\\") ? String(JSON.parse(literal)) : literal.slice(1, -1);
  if (names?.has(name)) throw new StrictJsonError("has a member twice");
  names?.add(name);
}

/** The index behind the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
}

/** In JSON, a string that a colon follows is a member's name. */
function isFollowedByColon(text: string, from: number): boolean {
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (character === ":") return true;
    if (character !== " " && character !== "\t" && character !== "\n" && character !== "\r") return false;
  }
  return false;
}
