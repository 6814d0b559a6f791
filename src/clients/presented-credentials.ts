/** Which credentials a request presents: exactly one way, or a refusal (RFC 6749 section 2.3). Judges none of them. */
import { Buffer } from "node:buffer";
import { OAuthError, type OAuthErrorOptions, invalidRequest } from "../oauth/error.js";
import type { Credentials } from "../oauth/request.js";
import { looksLikeJws } from "../jwt/compact-jws.js";
import { withoutOuterSpace } from "../jwt/white-space.js";

/** RFC 7523 section 2.2. */
const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** draft-ietf-oauth-spiffe-client-auth: a JWT-SVID, which `sub` maps to a client. */
const JWT_SPIFFE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

const SCHEME = /^basic(?: +(.*))?$/is;

/** Room for an id of 4 KiB and a secret of 16 KiB (a federated JWT may stand in its place) in base64. */
const MAX_BASE64_LENGTH = 28 * 1024;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One reading of a Basic header. The id may be missing. */
export interface SecretPair {
  readonly clientId: string | undefined;
  readonly secret: string;
}

export type Presented =
  | {
      readonly kind: "secret";
      readonly method: "client_secret_basic" | "client_secret_post";
      /** In the order to try them. Empty: the header is malformed. */
      readonly pairs: readonly SecretPair[];
      /** The `client_id` parameter beside it, which must agree. */
      readonly clientId: string | undefined;
    }
  | {
      readonly kind: "jwt";
      readonly jwt: string;
      /** The scheme that it came in, for `WWW-Authenticate`. */
      readonly scheme: "Basic" | undefined;
      /** Whether it can only be a workload's token, and not the client's own assertion. */
      readonly federatedOnly: boolean;
      /** The client that the request names beside it, which must agree. */
      readonly clientId: string | undefined;
    };

/** A `Bearer` header does not count, nor does a `client_id` beside one. */
export function presentsCredentials(credentials: Credentials): boolean {
  const { authorization, clientId, clientSecret, clientAssertion, clientAssertionType } = credentials;
  if (clientSecret !== undefined || clientAssertion !== undefined || clientAssertionType !== undefined) return true;
  return authorization === undefined ? clientId !== undefined : isBasic(authorization);
}

/** Whether there is something that proves who the client is: more than a `client_id`. */
export function presentsProof(credentials: Credentials): boolean {
  const { authorization, clientSecret, clientAssertion, clientAssertionType } = credentials;
  if (clientSecret !== undefined || clientAssertion !== undefined || clientAssertionType !== undefined) return true;
  return authorization !== undefined && isBasic(authorization);
}

/** Throws `invalid_request` for two ways at the same time, `invalid_client` for none. */
export function readPresented(credentials: Credentials): Presented {
  const { authorization, clientId, clientSecret, clientAssertion, clientAssertionType } = credentials;
  const basic = authorization !== undefined && isBasic(authorization) ? authorization : undefined;
  const ways = [basic, clientSecret, clientAssertion ?? clientAssertionType].filter((way) => way !== undefined);
  if (ways.length > 1) throw ambiguous();
  if (basic !== undefined) return presentedByBasic(basic, clientId);
  if (clientSecret !== undefined) return presentedByForm(clientSecret, clientId);
  if (clientAssertion !== undefined || clientAssertionType !== undefined) {
    return presentedByAssertion(clientAssertion, clientAssertionType, clientId);
  }
  throw new OAuthError(
    "invalid_client",
    "CREDENTIALS_MISSING",
    "No client credentials: send client_id and client_secret, a Basic header, or a client_assertion.",
  );
}

function presentedByForm(secret: string, clientId: string | undefined): Presented {
  if (looksLikeJws(withoutOuterSpace(secret)))
    return { kind: "jwt", jwt: secret, scheme: undefined, federatedOnly: true, clientId };
  return { kind: "secret", method: "client_secret_post", pairs: withTrimmed([{ clientId, secret }]), clientId };
}

/** Java trims a credential when it starts, and not when it refreshes: a secret may stand with spaces round it, and without. */
function withTrimmed(pairs: readonly SecretPair[]): readonly SecretPair[] {
  return pairs.flatMap((pair) => {
    const secret = withoutOuterSpace(pair.secret);
    return secret === pair.secret || secret === "" ? [pair] : [pair, { ...pair, secret }];
  });
}

function presentedByBasic(authorization: string, clientId: string | undefined): Presented {
  const pairs = withTrimmed(readBasic(authorization));
  const [first] = pairs;
  if (first !== undefined && looksLikeJws(withoutOuterSpace(first.secret))) {
    const named = first.clientId ?? clientId;
    if (clientId !== undefined && named !== clientId) throw otherClient();
    return { kind: "jwt", jwt: first.secret, scheme: "Basic", federatedOnly: true, clientId: named };
  }
  // A pair without an id passes: its secret finds the client, and `client_id` is compared with that client later.
  const agreeing = pairs.filter(
    (pair) => clientId === undefined || pair.clientId === undefined || pair.clientId === clientId,
  );
  if (pairs.length > 0 && agreeing.length === 0) throw otherClient();
  return { kind: "secret", method: "client_secret_basic", pairs: agreeing, clientId };
}

function presentedByAssertion(
  jwt: string | undefined,
  type: string | undefined,
  clientId: string | undefined,
): Presented {
  if (jwt === undefined) throw missing("client_assertion_type was sent without client_assertion.");
  if (type === undefined) throw missing(`client_assertion needs client_assertion_type=${JWT_BEARER}.`);
  if (type !== JWT_BEARER && type !== JWT_SPIFFE) {
    throw new OAuthError(
      "invalid_client",
      "ASSERTION_INVALID",
      `client_assertion_type is not supported. Supported: ${JWT_BEARER}.`,
    );
  }
  return { kind: "jwt", jwt, scheme: undefined, federatedOnly: type === JWT_SPIFFE, clientId };
}

function missing(description: string): OAuthError {
  return invalidRequest("PARAMETER_MISSING", description);
}

function ambiguous(): OAuthError {
  return invalidRequest(
    "CREDENTIALS_AMBIGUOUS",
    "The client authenticates in more than one way. Send one: Basic, client_secret or client_assertion.",
  );
}

/** The request names two clients (RFC 6749 section 3.2.1, RFC 7521 section 4.2). */
export function otherClient(detail?: OAuthErrorOptions["detail"]): OAuthError {
  return invalidRequest(
    "CREDENTIALS_AMBIGUOUS",
    "client_id names another client than the credentials do.",
    detail === undefined ? {} : { detail },
  );
}

/** Whether the scheme of an `Authorization` value is Basic. The rest may be malformed. */
export function isBasic(authorization: string): boolean {
  return SCHEME.test(authorization);
}

/**
 * The pairs of a Basic header (RFC 7617), in the order to try them. The first is raw: Iceberg's Java client and
 * PyIceberg send it so. The second has both halves form-decoded: RFC 6749 section 2.3.1 asks for it and Nimbus sends
 * it. A secret without an id has no colon (Java and PyIceberg), or nothing before the colon (DuckDB). Empty if the
 * header is malformed.
 */
export function readBasic(authorization: string): readonly SecretPair[] {
  const encoded = SCHEME.exec(authorization)?.[1] ?? "";
  if (encoded.length > MAX_BASE64_LENGTH) return [];
  const bytes = Buffer.from(encoded, "base64");
  // `Buffer` skips characters that are not base64, so encoding again shows them.
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

/** Undefined if form decoding changes nothing or fails. Then the raw pair is the only one. */
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
