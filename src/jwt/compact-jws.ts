/**
 * Reads a compact JWS before any library sees it. Libraries are lenient where that is dangerous: they take whitespace,
 * padding, stray bits in the last character, and the last of two equal members.
 */
import { Buffer } from "node:buffer";
import type { Explanation } from "../oauth/error.js";
import { isJsonObject, type JsonObject } from "../oauth/json.js";
import { StrictJsonError, parseStrictJson } from "./strict-json.js";

/**
 * Makes the error that ends a verification. `detail` may reach the caller where the token is not what authenticates it;
 * `more` is for the log alone. Neither holds anything of the token that its sender could not have been told.
 */
export type Refuse = (detail: string, more?: Explanation) => Error;

/** A JWT as it reads, its signature not yet checked. */
export interface CompactJws {
  /** The token itself, in the one spelling that is accepted. */
  readonly token: string;
  readonly header: JsonObject;
  readonly algorithm: string;
  readonly kid: string | undefined;
  /** Lower case and without `application/` (RFC 7515 section 4.1.9). */
  readonly type: string | undefined;
  readonly claims: JsonObject;
}

/** Longer tokens are refused, in characters. */
export const MAX_JWT_LENGTH = 16 * 1024;

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const MAX_KID_BYTES = 256;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Whether a string looks like a signed JWT: three parts in base64url, the first of which can begin a JSON object. A
 * chosen secret with two dots in it hardly ever does.
 */
export function looksLikeJws(text: string): boolean {
  return /^e[w-z0-9_-]/.test(text) && COMPACT.test(text);
}

/** Reads a signed JWT in compact form (RFC 7515 sections 4, 5.2 and 7.1; RFC 7519 section 7.2). Throws `refuse(…)`. */
export function readCompactJws(token: string, refuse: Refuse): CompactJws {
  if (token.length > MAX_JWT_LENGTH) throw refuse(`the token is longer than ${MAX_JWT_LENGTH} characters`);
  if (!COMPACT.test(token)) throw refuse("the token is not a signed JWT in compact form");
  const [header = "", payload = "", signature = ""] = token.split(".");
  if (decodeBase64url(signature) === undefined) throw refuse("the signature is not canonical base64url");
  return { token, ...readHeader(header, refuse), claims: readPart(payload, "payload", refuse) };
}

/** Reads and checks a JOSE header. */
export function readHeader(part: string, refuse: Refuse): Omit<CompactJws, "token" | "claims"> {
  const header = readPart(part, "header", refuse);
  const { alg, kid, typ, cty } = header;
  if (typeof alg !== "string") throw refuse("alg is missing from the header or is no string");
  // No extension is implemented: every `crit` names an unknown one or is malformed (RFC 7515 section 4.1.11).
  for (const name of ["crit", "b64", "zip", "enc"]) {
    if (Object.hasOwn(header, name)) throw refuse(`the header has ${name}, which is not supported`);
  }
  if (kid !== undefined && (typeof kid !== "string" || Buffer.byteLength(kid) > MAX_KID_BYTES)) {
    throw refuse(`kid is no string of at most ${MAX_KID_BYTES} bytes`);
  }
  if (typ !== undefined && typeof typ !== "string") throw refuse("typ is no string");
  if (cty !== undefined && (typeof cty !== "string" || mediaType(cty) === "jwt")) throw refuse("the JWT is nested");
  return { header, algorithm: alg, kid, type: typ === undefined ? undefined : mediaType(typ) };
}

/** Reads one part of a JWT as a JSON object. */
export function readPart(part: string, name: string, refuse: Refuse): JsonObject {
  const bytes = decodeBase64url(part);
  if (bytes === undefined) throw refuse(`the ${name} is not canonical base64url`);
  let value: unknown;
  try {
    value = parseStrictJson(UTF8.decode(bytes));
  } catch (error) {
    throw refuse(`the ${name} ${error instanceof StrictJsonError ? error.message : "is not UTF-8"}`);
  }
  if (!isJsonObject(value)) throw refuse(`the ${name} is not a JSON object`);
  return value;
}

/**
 * Decodes base64url in its one canonical spelling. Undefined for any other: of the spellings that decode to the same
 * bytes, a signature covers only one.
 */
function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

function mediaType(value: string): string {
  return value.toLowerCase().replace(/^application\//, "");
}
