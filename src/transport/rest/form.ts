/**
 * Reads the form of a request (`application/x-www-form-urlencoded`, RFC 6749 appendix B) in one pass. It decodes only
 * the parameters that the endpoint knows, and it knows nothing of what they mean. It is stricter than URLSearchParams,
 * which silently repairs broken escapes and broken UTF-8.
 */
import { isAscii } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { invalidRequest, type OAuthError } from "../../oauth/error.js";
import { type JsonObject, type JsonValue, isJsonObject } from "../../oauth/json.js";
import { parseStrictJson } from "../../jwt/strict-json.js";
import type { Credentials } from "../../oauth/request.js";
import { authorizationOf } from "../caller.js";
import { MAX_MESSAGE_BYTES, MAX_PARAMETERS, MAX_TOKEN_LENGTH, MAX_VALUE_LENGTH } from "../limits.js";
import type { RestRequest } from "./rest-message.js";

/** Parameters that may be sent once, with the longest value that each may have. */
const ONCE = {
  grant_type: MAX_VALUE_LENGTH,
  scope: MAX_VALUE_LENGTH,
  client_id: MAX_VALUE_LENGTH,
  client_secret: MAX_TOKEN_LENGTH,
  client_assertion: MAX_TOKEN_LENGTH,
  client_assertion_type: MAX_VALUE_LENGTH,
  assertion: MAX_TOKEN_LENGTH,
  subject_token: MAX_TOKEN_LENGTH,
  subject_token_type: MAX_VALUE_LENGTH,
  actor_token: MAX_TOKEN_LENGTH,
  actor_token_type: MAX_VALUE_LENGTH,
  requested_token_type: MAX_VALUE_LENGTH,
  refresh_token: MAX_TOKEN_LENGTH,
  token: MAX_TOKEN_LENGTH,
  token_type_hint: MAX_VALUE_LENGTH,
} as const;

/** Parameters that may be repeated (RFC 8693 section 2.1). */
const REPEATED = ["audience", "resource"] as const;

type OnceName = keyof typeof ONCE;
type RepeatedName = (typeof REPEATED)[number];

/** An absent parameter and an empty one are the same: undefined, or an empty list (RFC 6749 section 3.2). */
export type FormBody = { [Name in OnceName]: string | undefined } & { [Name in RepeatedName]: readonly string[] };

interface Parameter {
  readonly name: OnceName | RepeatedName;
  readonly maxLength: number;
  /** Its place in the set of parameters that were seen. 0 for one that may be repeated. */
  readonly bit: number;
}

/** All other parameters are ignored, whatever their value. */
export type KnownParameters = ReadonlyMap<string, Parameter>;

export function knownParameters(...names: readonly (OnceName | RepeatedName)[]): KnownParameters {
  return new Map(
    names.map((name, at) => {
      const once = isOnce(name);
      return [name, { name, maxLength: once ? ONCE[name] : MAX_VALUE_LENGTH, bit: once ? 1 << at : 0 }];
    }),
  );
}

const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

/**
 * Checks size, encoding and media type before it reads a parameter. Throws `invalid_request`. `json` also accepts a JSON
 * object with the same names, which grpc-go's `credentials/sts` sends.
 */
export function readForm(request: RestRequest, known: KnownParameters, accepts: { readonly json: boolean }): FormBody {
  const { body, headers } = request;
  if (body === undefined) {
    throw malformed(`The body is larger than ${MAX_MESSAGE_BYTES} bytes.`);
  }
  if (isCompressed(headers)) {
    throw malformed("A compressed body is not accepted. Send it without Content-Encoding.");
  }
  const contentType = headers["content-type"];
  if (contentType === FORM) return parseFormBody(body, known);
  if (accepts.json && typeOf(contentType) === JSON_TYPE) {
    checkCharset(contentType);
    return readJson(body, known);
  }
  if (body.length > 0 || contentType !== undefined) checkMediaType(contentType);
  return parseFormBody(body, known);
}

/** Credentials that nobody has checked yet. */
export function credentialsOf(form: FormBody, request: RestRequest): Credentials {
  return {
    authorization: authorizationOf(request),
    clientId: form.client_id,
    clientSecret: form.client_secret,
    clientAssertion: form.client_assertion,
    clientAssertionType: form.client_assertion_type,
  };
}

/** Throws `invalid_request` if a known parameter is repeated, too long or malformed, or if there are too many. */
export function parseFormBody(bytes: Buffer, known: KnownParameters): FormBody {
  const text = bytes.toString("latin1");
  const ascii = isAscii(bytes);
  const form = emptyForm();
  let seen = 0;
  let count = 0;
  for (let at = 0; at < text.length;) {
    const next = text.indexOf("&", at);
    const end = next === -1 ? text.length : next;
    if (end > at) {
      if (++count > MAX_PARAMETERS) throw malformed(`The form has more than ${MAX_PARAMETERS} parameters.`);
      const equals = text.indexOf("=", at);
      const nameEnd = equals === -1 || equals > end ? end : equals;
      const parameter = find(known, text.slice(at, nameEnd), ascii);
      if (parameter !== undefined) {
        if ((seen & parameter.bit) !== 0) throw malformed(`${parameter.name} was sent more than once.`);
        seen |= parameter.bit;
        if (nameEnd + 1 < end) set(form, parameter, text.slice(nameEnd + 1, end), ascii);
      }
    }
    at = end + 1;
  }
  return form;
}

/** Any spelling of the name counts: otherwise `client%5Fid` would get round the rule against repeats. */
function find(known: KnownParameters, name: string, ascii: boolean): Parameter | undefined {
  const parameter = known.get(name);
  if (parameter !== undefined || (!name.includes("%") && !name.includes("+"))) return parameter;
  const decoded = decode(name, ascii);
  return decoded === undefined ? undefined : known.get(decoded);
}

function set(form: MutableForm, { name, maxLength }: Parameter, encoded: string, ascii: boolean): void {
  // An escape is three characters. A value that is longer than this does not fit when it is decoded, either.
  const value = encoded.length > 3 * maxLength ? encoded : decode(encoded, ascii);
  if (value === undefined) throw malformed(`${name} is not well-formed: percent escapes of UTF-8 are expected.`);
  put(form, { name, maxLength }, value);
}

function put(form: MutableForm, { name, maxLength }: Pick<Parameter, "name" | "maxLength">, value: string): void {
  if (value.length > maxLength) throw malformed(`${name} is longer than ${maxLength} characters.`);
  if (name !== "audience" && name !== "resource") form[name] = value;
  else form[name] = [...form[name], value];
}

/** The same parameters as members of a JSON object. Strings only; `audience` and `resource` also as lists of strings. */
function readJson(bytes: Buffer, known: KnownParameters): FormBody {
  const form = emptyForm();
  let count = 0;
  for (const [name, member] of Object.entries(parseObject(bytes))) {
    const parameter = known.get(name);
    const values: readonly JsonValue[] = Array.isArray(member) ? member : [member];
    count += Math.max(1, values.length);
    if (count > MAX_PARAMETERS) throw malformed(`The body has more than ${MAX_PARAMETERS} parameters.`);
    if (parameter === undefined) continue;
    if (Array.isArray(member) && isOnce(name)) throw malformed(`${name} is a list: it may be sent once.`);
    for (const value of values) {
      if (typeof value !== "string") throw malformed(`${name} is not a string.`);
      if (value !== "") put(form, parameter, value);
    }
  }
  return form;
}

function parseObject(bytes: Buffer): JsonObject {
  let value: JsonValue;
  try {
    value = parseStrictJson(UTF8.decode(bytes));
  } catch {
    // The parser's message could quote a secret.
    throw malformed("The body is not JSON in UTF-8 with each member once.");
  }
  if (isJsonObject(value)) return value;
  throw malformed("The body is not a JSON object.");
}

/** Decodes a string that holds one byte of the wire in each character. Undefined for broken escapes or broken UTF-8. */
function decode(encoded: string, ascii: boolean): string | undefined {
  try {
    const utf8 = ascii ? encoded : strictUtf8(encoded);
    const spaced = utf8.includes("+") ? utf8.replaceAll("+", " ") : utf8;
    return spaced.includes("%") ? decodeURIComponent(spaced) : spaced;
  } catch {
    return undefined;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function strictUtf8(latin1: string): string {
  return UTF8.decode(Buffer.from(latin1, "latin1"));
}

function isOnce(name: string): name is OnceName {
  return Object.hasOwn(ONCE, name);
}

type MutableForm = { -readonly [Name in keyof FormBody]: FormBody[Name] };

/** Every member is there from the start: all forms then have one shape for V8. */
function emptyForm(): MutableForm {
  return {
    grant_type: undefined,
    scope: undefined,
    client_id: undefined,
    client_secret: undefined,
    client_assertion: undefined,
    client_assertion_type: undefined,
    assertion: undefined,
    subject_token: undefined,
    subject_token_type: undefined,
    actor_token: undefined,
    actor_token_type: undefined,
    requested_token_type: undefined,
    refresh_token: undefined,
    token: undefined,
    token_type_hint: undefined,
    audience: NONE,
    resource: NONE,
  };
}

const NONE: readonly string[] = [];

function isCompressed(headers: IncomingHttpHeaders): boolean {
  const encoding = headers["content-encoding"];
  return encoding !== undefined && encoding !== "" && encoding.toLowerCase() !== "identity";
}

function checkMediaType(value: string | undefined): void {
  if (typeOf(value) !== FORM) throw malformed(`The Content-Type must be ${FORM}.`);
  checkCharset(value);
}

function typeOf(contentType: string | undefined): string {
  return (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

function checkCharset(contentType: string | undefined): void {
  const [, ...parameters] = (contentType ?? "").split(";");
  for (const parameter of parameters) {
    const [name = "", charset = ""] = parameter.split("=");
    if (name.trim().toLowerCase() === "charset" && !/^"?utf-?8"?$/i.test(charset.trim())) {
      throw malformed("The charset of the body must be utf-8.");
    }
  }
}

function malformed(description: string): OAuthError {
  return invalidRequest("REQUEST_MALFORMED", description);
}
