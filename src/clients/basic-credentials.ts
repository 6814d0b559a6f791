import { Buffer } from "node:buffer";

/** An id, or none, and a secret, as one reading of a Basic header gives them. */
export interface SecretPair {
  readonly clientId: string | undefined;
  readonly secret: string;
}

const SCHEME = /^basic(?: +(.*))?$/is;

/** Room for an id of 4 KiB and a secret of 16 KiB (a federated JWT may stand in its place) in base64. */
const MAX_BASE64_LENGTH = 28 * 1024;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether an `Authorization` value is of the Basic scheme, whatever follows. */
export function isBasic(authorization: string): boolean {
  return SCHEME.test(authorization);
}

/**
 * Reads a Basic header (RFC 7617) into the pairs to try, in order: raw as Iceberg's Java client and PyIceberg send it,
 * then with both halves form-decoded as RFC 6749 section 2.3.1 asks and Nimbus does. A secret that comes alone has no
 * colon (Java and PyIceberg, with a `credential` that has no id), or nothing before it (DuckDB). No pair if nothing can
 * be read.
 */
export function readBasic(authorization: string): readonly SecretPair[] {
  const encoded = SCHEME.exec(authorization)?.[1] ?? "";
  if (encoded.length > MAX_BASE64_LENGTH) return [];
  const bytes = Buffer.from(encoded, "base64");
  // `Buffer` skips what is no base64; the way back does not.
  if (bytes.toString("base64") !== encoded) return [];
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return [];
  }
  const raw = splitPair(text);
  if (raw === undefined) return [];
  const decoded = decodePair(raw);
  return decoded === undefined ? [raw] : [raw, decoded];
}

function splitPair(text: string): SecretPair | undefined {
  const colon = text.indexOf(":");
  const secret = text.slice(colon + 1);
  if (secret === "") return undefined;
  return { clientId: colon > 0 ? text.slice(0, colon) : undefined, secret };
}

/** Undefined if form decoding changes nothing or cannot be done: then the raw pair is the only reading. */
function decodePair(raw: SecretPair): SecretPair | undefined {
  const text = `${raw.clientId ?? ""}${raw.secret}`;
  if (!text.includes("%") && !text.includes("+")) return undefined;
  try {
    const clientId = raw.clientId === undefined ? undefined : formDecode(raw.clientId);
    return { clientId, secret: formDecode(raw.secret) };
  } catch {
    return undefined;
  }
}

function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
