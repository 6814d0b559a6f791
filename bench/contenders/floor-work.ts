/**
 * The work that no token service can leave out, done in the plainest way that Node offers: compare the digest of a
 * secret, sign a JWT with ES256. The floors below each transport and the contenders without icemint's rules share it.
 */
import { createHash, generateKeyPairSync, randomBytes, sign, timingSafeEqual, verify } from "node:crypto";
import { BENCH_CLIENT } from "../bench-client.js";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const HEADER = base64url(JSON.stringify({ alg: "ES256", typ: "at+jwt", kid: "k1" }));
const SECRET_DIGEST = createHash("sha256").update(BENCH_CLIENT.secret).digest();
const TTL_SECONDS = 3600;

/** Throws unless the credentials are those of the bench's client. */
export function checkSecret(clientId: string | null, secret: string | null): void {
  const digest = createHash("sha256")
    .update(secret ?? "")
    .digest();
  if (clientId !== BENCH_CLIENT.id || !timingSafeEqual(digest, SECRET_DIGEST)) throw new Error("invalid_client");
}

/** A signed token with the claims that icemint's have. */
export function mintToken(clientId: string, scope: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: "https://tokens.example.com",
    sub: clientId,
    aud: "https://tokens.example.com",
    client_id: clientId,
    scope,
    iat: now,
    exp: now + TTL_SECONDS,
    jti: randomBytes(16).toString("base64url"),
    sid: randomBytes(16).toString("base64url"),
    auth_time: now,
    session_exp: now + 24 * TTL_SECONDS,
  };
  const input = `${HEADER}.${base64url(JSON.stringify(claims))}`;
  const signature = sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

/** The claims of a token that `mintToken` made; throws for any other. */
export function readToken(token: string): { sub: string; scope: string; exp: number } {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const key = { key: publicKey, dsaEncoding: "ieee-p1363" as const };
  if (!verify("sha256", Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"))) {
    throw new Error("invalid_request");
  }
  const claims: { sub: string; scope: string; exp: number } = JSON.parse(Buffer.from(payload, "base64url").toString());
  if (claims.exp < Date.now() / 1000) throw new Error("invalid_request");
  return claims;
}

/** The answer of the token endpoint. */
export function tokenAnswer(accessToken: string, scope: string) {
  return {
    access_token: accessToken,
    token_type: "bearer",
    expires_in: TTL_SECONDS,
    issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    scope,
  };
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
