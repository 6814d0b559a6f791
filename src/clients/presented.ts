/** Which credentials a request presents: exactly one way, or a refusal (RFC 6749 section 2.3). Judges none of them. */
import { OAuthError, invalidRequest } from "../oauth/error.js";
import type { Credentials } from "../oauth/request.js";
import { looksLikeJws } from "../jwt/compact-jws.js";
import type { AuthMethod } from "./authenticate.js";
import { isBasic, readBasic, type SecretPair } from "./basic-credentials.js";

/** RFC 7523 section 2.2. */
const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** draft-ietf-oauth-spiffe-client-auth: a JWT-SVID, which `sub` maps to a client. */
const JWT_SPIFFE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/** One way to authenticate. */
export type Presented =
  | {
      readonly kind: "secret";
      readonly method: Extract<AuthMethod, "client_secret_basic" | "client_secret_post">;
      /** To try in order. Empty: what was sent cannot be read. */
      readonly pairs: readonly SecretPair[];
      /** The `client_id` parameter beside it, which must agree. */
      readonly clientId: string | undefined;
    }
  | {
      readonly kind: "jwt";
      readonly jwt: string;
      /** Where it came from, for `WWW-Authenticate`. */
      readonly scheme: "Basic" | undefined;
      /** What it may be: a client's own assertion too, or a workload's token only. */
      readonly federatedOnly: boolean;
      /** The client that the request names beside it, which must agree. */
      readonly clientId: string | undefined;
    };

/** Whether there are credentials of any kind here. A `Bearer` is none, nor is a `client_id` that stands beside one. */
export function presentsCredentials(credentials: Credentials): boolean {
  const { authorization, clientId, clientSecret, clientAssertion, clientAssertionType } = credentials;
  if (clientSecret !== undefined || clientAssertion !== undefined || clientAssertionType !== undefined) return true;
  return authorization === undefined ? clientId !== undefined : isBasic(authorization);
}

/** Reads what is presented. Throws `invalid_request` for two ways at once, `invalid_client` for none. */
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
  if (looksLikeJws(secret)) return { kind: "jwt", jwt: secret, scheme: undefined, federatedOnly: true, clientId };
  return { kind: "secret", method: "client_secret_post", pairs: [{ clientId, secret }], clientId };
}

function presentedByBasic(authorization: string, clientId: string | undefined): Presented {
  const pairs = readBasic(authorization);
  const [first] = pairs;
  if (first !== undefined && looksLikeJws(first.secret)) {
    const named = first.clientId ?? clientId;
    if (clientId !== undefined && named !== clientId) throw otherClient();
    return { kind: "jwt", jwt: first.secret, scheme: "Basic", federatedOnly: true, clientId: named };
  }
  // A pair without an id is compared with `client_id` once its secret has told whose it is.
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
export function otherClient(): OAuthError {
  return invalidRequest("CREDENTIALS_AMBIGUOUS", "client_id names another client than the credentials do.");
}
