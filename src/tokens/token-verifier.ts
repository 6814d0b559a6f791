/**
 * Reads our own access tokens, and nothing else does. It accepts only what the issuer writes: the header must equal,
 * byte for byte, the header of one of our keys. `alg`, `typ` and `crit` leave no room for confusion (RFC 8725 section
 * 3.1).
 */
import { verify } from "node:crypto";
import type { KeyRing, KeyState, VerifyingKey } from "../keys/key-ring.js";
import {
  MAX_TOKEN_BYTES,
  RESERVED_CLAIMS,
  type AccessToken,
  type Actor,
  actingClients,
  encodedHeader,
} from "../oauth/access-token.js";
import { type Clock, SECOND } from "../time/clock.js";
import { type JsonObject, type JsonValue, isJsonObject } from "../oauth/json.js";
import type { Revocable, RevocationView } from "../oauth/revocation.js";
import { createSignatureCache } from "./signature-cache.js";

/** A token with a good signature, and its state at this moment. */
export interface TokenReading {
  readonly token: AccessToken;
  readonly expired: boolean;
  /** Revoked itself, or its session, an ancestor, its subject, a client in it, everything, or its key. */
  readonly revoked: boolean;
  readonly keyState: KeyState;
}

export interface TokenVerifier {
  /** Undefined unless this issuer signed the token. An expired or revoked token has a reading. */
  read(token: string): TokenReading | undefined;
}

/** Whether a token may be used. */
export function isLive(reading: TokenReading): boolean {
  return !reading.expired && !reading.revoked;
}

export interface TokenVerifierDependencies {
  readonly issuer: string;
  readonly keys: Pick<KeyRing, "find" | "stateOf">;
  readonly revocations: RevocationView;
  readonly clock: Clock;
}

export function createTokenVerifier(dependencies: TokenVerifierDependencies): TokenVerifier {
  const { issuer, keys, revocations, clock } = dependencies;
  const cache = createSignatureCache();

  function parse(token: string): AccessToken | undefined {
    const known = cache.get(token);
    if (known !== undefined) return known;
    const parsed = verified(token, keys, issuer);
    if (parsed !== undefined) cache.put(token, parsed);
    return parsed;
  }

  /** The ring knows a revoked key even if the log does not. The keys that signed the token's ancestors count too. */
  function isKeyRevoked({ session }: AccessToken, keyState: KeyState): boolean {
    return keyState === "revoked" || session.keys.some((kid) => keys.stateOf(kid) === "revoked");
  }

  return {
    read(token) {
      if (token.length > MAX_TOKEN_BYTES) return undefined;
      const parsed = parse(token);
      const keyState = parsed && keys.stateOf(parsed.kid);
      if (parsed === undefined || keyState === undefined) return undefined;
      return {
        token: parsed,
        expired: parsed.expiresAt <= clock(),
        revoked: isKeyRevoked(parsed, keyState) || revocations.covers(revocableOf(parsed)),
        keyState,
      };
    },
  };
}

/**
 * Reads a token that its issuer itself has just given to the caller: no signature is checked. Undefined for a token of
 * another kind.
 */
export function readGivenToken(token: string): AccessToken | undefined {
  try {
    const [header, payload] = token
      .split(".", 2)
      .map((part): unknown => JSON.parse(Buffer.from(part, "base64url").toString()));
    const kid = isJsonObject(header) ? header["kid"] : undefined;
    return typeof kid === "string" && isJsonObject(payload) ? accessTokenOf(payload, kid) : undefined;
  } catch {
    return undefined; // not a JWT
  }
}

/** The parts of a token that a revocation can name. */
export function revocableOf(token: AccessToken): Revocable {
  return {
    sessionIds: [token.session.id, ...token.session.ancestors],
    subject: token.subject,
    clientId: token.clientId,
    actors: actingClients(token.actor),
    startedAt: token.session.startedAt,
    kids: [token.kid, ...token.session.keys],
  };
}

function verified(token: string, keys: Pick<KeyRing, "find">, issuer: string): AccessToken | undefined {
  // The parts need no check of their own: the signature covers every character. We never signed a string without two
  // dots.
  const headerEnd = token.indexOf(".");
  const payloadEnd = token.lastIndexOf(".");
  const header = token.slice(0, headerEnd);
  const key = keyOf(header, keys);
  if (key === undefined || !isSignedBy(key, token.slice(0, payloadEnd), token.slice(payloadEnd + 1))) return undefined;
  const payload: unknown = JSON.parse(Buffer.from(token.slice(headerEnd + 1, payloadEnd), "base64url").toString());
  if (!isJsonObject(payload) || payload["iss"] !== issuer) return undefined;
  return accessTokenOf(payload, key.kid);
}

/** The key that a token's header names. */
function keyOf(header: string, keys: Pick<KeyRing, "find">): VerifyingKey | undefined {
  let kid: unknown;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(header, "base64url").toString());
    kid = isJsonObject(parsed) ? parsed["kid"] : undefined;
  } catch {
    return undefined; // not JSON, so not ours
  }
  const key = typeof kid === "string" ? keys.find(kid) : undefined;
  return key !== undefined && header === encodedHeader(key) ? key : undefined;
}

function isSignedBy(key: VerifyingKey, input: string, signature: string): boolean {
  const bytes = Buffer.from(signature, "base64url");
  // Spare bits of the last character decode to the same bytes. Only the canonical spelling is accepted.
  if (bytes.toString("base64url") !== signature) return false;
  const data = Buffer.from(input);
  switch (key.algorithm) {
    case "ES256":
      return verify("sha256", data, { key: key.publicKey, dsaEncoding: "ieee-p1363" }, bytes);
    case "ES384":
      return verify("sha384", data, { key: key.publicKey, dsaEncoding: "ieee-p1363" }, bytes);
    case "EdDSA":
      return verify(null, data, key.publicKey, bytes);
    case "RS256":
      return verify("sha256", data, key.publicKey, bytes);
    case "PS256":
      return verify("sha256", data, { key: key.publicKey, padding: RSA_PKCS1_PSS_PADDING, saltLength: 32 }, bytes);
  }
}

/** `crypto.constants.RSA_PKCS1_PSS_PADDING`. */
const RSA_PKCS1_PSS_PADDING = 6;

/** Undefined for another kind of JWT that we signed with the same key. */
function accessTokenOf(claims: JsonObject, kid: string): AccessToken | undefined {
  const { jti, sub, client_id: clientId, sid, aud, scope, subject_issuer: subjectIssuer } = claims;
  const { iat, exp, auth_time: authTime, session_exp: sessionExp } = claims;
  if (
    typeof jti !== "string" ||
    typeof sub !== "string" ||
    typeof clientId !== "string" ||
    typeof sid !== "string" ||
    typeof iat !== "number" ||
    typeof exp !== "number" ||
    typeof authTime !== "number" ||
    typeof sessionExp !== "number"
  ) {
    return undefined;
  }
  return {
    id: jti,
    kid,
    subject: sub,
    clientId,
    actor: actorOf(claims["act"]),
    scope: typeof scope === "string" ? scope.split(" ") : [],
    audience: strings(typeof aud === "string" ? [aud] : aud),
    session: {
      id: sid,
      startedAt: authTime * SECOND,
      endsAt: sessionExp * SECOND,
      ancestors: strings(claims["psid"]),
      keys: strings(claims["pkid"]),
    },
    issuedAt: iat * SECOND,
    expiresAt: exp * SECOND,
    subjectIssuer: typeof subjectIssuer === "string" ? subjectIssuer : undefined,
    unsecuredSubject: claims["unsecured_subject"] === true,
    ruleDigests: strings(claims["workload_rules"]),
    claims: unreserved(claims),
    copied: strings(claims["copied_claims"]),
  };
}

function unreserved(claims: JsonObject): JsonObject {
  const names = Object.keys(claims).filter((name) => !RESERVED_CLAIMS.has(name));
  return names.length === 0 ? NO_CLAIMS : Object.fromEntries(names.map((name) => [name, claims[name] ?? null]));
}

const NO_CLAIMS: JsonObject = {};

const NONE: readonly string[] = [];

function strings(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : NONE;
}

/** Reads an `act` claim (RFC 8693 section 4.1). */
export function actorOf(value: JsonValue | undefined): Actor | undefined {
  if (!isJsonObject(value) || typeof value["sub"] !== "string") return undefined;
  const former = actorOf(value["act"]);
  return {
    sub: value["sub"],
    ...(typeof value["iss"] === "string" && { iss: value["iss"] }),
    ...(former && { act: former }),
  };
}
