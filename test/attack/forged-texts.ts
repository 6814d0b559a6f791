/** What can be done to the text of a good token without any key. None of it may be taken for the token. */
import { Buffer } from "node:buffer";

/** A token that must be refused, and what was done to it. */
export interface Forgery {
  readonly name: string;
  readonly token: string;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** The order of the group of P-256 (SEC 2 section 2.4.2). */
export const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const INSERTIONS: Readonly<Record<string, string>> = {
  "a space": " ",
  "a newline": "\n",
  "a carriage return and newline": "\r\n",
  "a tab": "\t",
  padding: "=",
  "double padding": "==",
  "a NUL": "\0",
  "a dot": ".",
  "a plus": "+",
  "a slash": "/",
  "a zero-width space": "\u200b",
  "a byte order mark": "\ufeff",
  "a percent escape": "%41",
  "a letter of another script": "А",
};

/** White space round a token is not part of it: clients send the file that it stands in as it is. */
export const outerSpaces = [" ", "\n", "\r\n", "\t"] as const;

/** Every way of adding a character to one of the three parts, but for white space round the whole. */
export function insertions(token: string): Forgery[] {
  return everyInsertion(token).filter((forgery) => outerSpaces.every((space) => !isRound(space, token, forgery)));
}

function isRound(space: string, token: string, forgery: Forgery): boolean {
  return forgery.token === space + token || forgery.token === token + space;
}

function everyInsertion(token: string): Forgery[] {
  const parts = token.split(".");
  return Object.entries(INSERTIONS).flatMap(([what, inserted]) =>
    ["header", "payload", "signature"].flatMap((partName, index) => {
      const part = parts[index] ?? "";
      const places = { start: 0, middle: part.length >> 1, end: part.length };
      return Object.entries(places).map(([place, at]) => {
        const changed = part.slice(0, at) + inserted + part.slice(at);
        return { name: `${what} at the ${place} of the ${partName}`, token: parts.with(index, changed).join(".") };
      });
    }),
  );
}

/** Other spellings and shapes of the same parts. */
export function reshaped(token: string): Forgery[] {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const standard = (part: string): string => Buffer.from(part, "base64url").toString("base64");
  const json = { protected: header, signature };
  const shapes: Readonly<Record<string, string>> = {
    "without its signature": `${header}.${payload}.`,
    "without its signature and the dot": `${header}.${payload}`,
    "without its payload": `${header}..${signature}`,
    "without its header": `.${payload}.${signature}`,
    "of its header alone": header,
    "of dots": "..",
    "of three dots": "...",
    "with a fourth part": `${token}.${signature}`,
    "as JWE, five parts": `${header}.${payload}.${payload}.${payload}.${signature}`,
    "as JWE with empty parts": `${header}....${signature}`,
    "with payload and signature exchanged": `${header}.${signature}.${payload}`,
    "with header and payload exchanged": `${payload}.${header}.${signature}`,
    doubled: token + token,
    "doubled with a comma": `${token},${token}`,
    "in quotes": `"${token}"`,
    "after the word Bearer": `Bearer ${token}`,
    "in upper case": token.toUpperCase(),
    "in lower case": token.toLowerCase(),
    reversed: token.split("").toReversed().join(""),
    "in base64url once more": Buffer.from(token).toString("base64url"),
    "in standard base64, padded": [header, payload, signature].map(standard).join("."),
    "with commas for dots": token.replaceAll(".", ","),
    "with its dots escaped": token.replaceAll(".", "%2E"),
    "in flattened JSON": JSON.stringify({ ...json, payload }),
    "in general JSON": JSON.stringify({ payload, signatures: [json] }),
    "in a JSON list": JSON.stringify([token]),
    "in a JSON string's escapes": JSON.stringify(token).replace("e", "\\u0065"),
  };
  return Object.entries(shapes).map(([name, shaped]) => ({ name, token: shaped }));
}

/** Signatures cut, extended and made of numbers that sign nothing (RFC 7518 section 3.4). */
export function signatures(token: string): Forgery[] {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  const r = bytes.subarray(0, 32);
  const s = bytes.subarray(32);
  const zero = Buffer.alloc(32);
  const order = Buffer.from(P256_ORDER.toString(16), "hex");
  const forged: Readonly<Record<string, Buffer>> = {
    "cut by a byte": bytes.subarray(0, 63),
    "cut to half": r,
    "cut to one byte": bytes.subarray(0, 1),
    "with a byte more": Buffer.concat([bytes, Buffer.of(0)]),
    "with a leading zero byte": Buffer.concat([Buffer.of(0), bytes]),
    "with padded halves": Buffer.concat([Buffer.of(0), r, Buffer.of(0), s]),
    twice: Buffer.concat([bytes, bytes]),
    "in DER": toDer(r, s),
    "of zeros": Buffer.alloc(64),
    "of ones": Buffer.alloc(64, 255),
    "with r zero": Buffer.concat([zero, s]),
    "with s zero": Buffer.concat([r, zero]),
    "with r and s exchanged": Buffer.concat([s, r]),
    "with r the order": Buffer.concat([order, s]),
    "with s the order": Buffer.concat([r, order]),
    "with r one and s one": Buffer.concat([zero.with(31, 1), zero.with(31, 1)].map((part) => Buffer.from(part))),
    "with a kilobyte of zeros": Buffer.alloc(1024),
    "with 12 kilobytes of ones": Buffer.alloc(6 * 1024, 255),
  };
  const reencoded = Object.entries(forged).map(([name, changed]) => ({
    name: `a signature ${name}`,
    token: `${header}.${payload}.${changed.toString("base64url")}`,
  }));
  return [...reencoded, ...strayBits(token)];
}

/** Of the characters that decode to the same bytes, only one is canonical: the others are other texts. */
function strayBits(token: string): Forgery[] {
  const parts = token.split(".");
  return parts.flatMap((part, index) => {
    const last = ALPHABET.indexOf(part.at(-1) ?? "");
    const bytes = Buffer.from(part, "base64url");
    return ALPHABET.split("")
      .filter((letter) => letter !== ALPHABET[last])
      .map((letter) => part.slice(0, -1) + letter)
      .filter((changed) => Buffer.from(changed, "base64url").equals(bytes))
      .map((changed) => ({
        name: `stray bits in the last character of part ${index}, ${changed.at(-1)}`,
        token: parts.with(index, changed).join("."),
      }));
  });
}

/** One character changed, at places spread over the whole token, each to several others. */
export function oneCharacterChanged(token: string, places: number): Forgery[] {
  const step = Math.max(1, Math.floor(token.length / places));
  return Array.from({ length: Math.ceil(token.length / step) }, (_, index) => index * step).flatMap((at) =>
    [neighbour(token[at], 1), neighbour(token[at], 33), ".", "="]
      .filter((replacement) => replacement !== token[at])
      .map((replacement) => ({
        name: `character ${at} replaced by ${replacement}`,
        token: token.slice(0, at) + replacement + token.slice(at + 1),
      })),
  );
}

function neighbour(character: string | undefined, distance: number): string {
  return ALPHABET[(ALPHABET.indexOf(character ?? "A") + distance) & 63] ?? "A";
}

function toDer(r: Buffer, s: Buffer): Buffer {
  const integers = [r, s].map((number) => {
    const positive = (number[0] ?? 0) > 127 ? Buffer.concat([Buffer.of(0), number]) : number;
    return Buffer.concat([Buffer.of(2, positive.length), positive]);
  });
  const content = Buffer.concat(integers);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}

/** The other signature of ECDSA: (r, n - s) verifies wherever (r, s) does. */
export function malleated(token: string): string {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  const s = BigInt(`0x${bytes.subarray(32).toString("hex")}`);
  const other = (P256_ORDER - s).toString(16).padStart(64, "0");
  const both = Buffer.concat([bytes.subarray(0, 32), Buffer.from(other, "hex")]);
  return `${header}.${payload}.${both.toString("base64url")}`;
}
