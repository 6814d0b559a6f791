import type { JsonObject } from "../oauth/json.js";
import { MAX_JWT_LENGTH, readHeader, readPart, type Refuse } from "./compact-jws.js";
import { checkTimes } from "./jwt-times.js";

const UNSECURED = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.$/;

/** Whether a token has the form of an unsecured JWT: two parts and a final dot (RFC 7519 section 6.1). */
export function isUnsecuredJwt(token: string): boolean {
  return UNSECURED.test(token);
}

/**
 * Reads an unsecured JWT, `alg` exactly `none`, and returns its claims. They prove nothing: the caller decides whether
 * to believe its subject. `exp` and `nbf` may be absent, and are obeyed if they are there (Iceberg's REST API: "a
 * unsecured JWT token with a sub claim"). Throws `refuse(…)`.
 */
export function readUnsecuredJwt(token: string, now: number, refuse: Refuse): JsonObject {
  if (token.length > MAX_JWT_LENGTH) throw refuse(`the token is longer than ${MAX_JWT_LENGTH} characters`);
  if (!UNSECURED.test(token)) throw refuse("the token is not an unsecured JWT");
  const [header = "", payload = ""] = token.split(".");
  if (readHeader(header, refuse).algorithm !== "none") throw refuse("the token has no signature");
  const claims = readPart(payload, "payload", refuse);
  checkTimes(claims, now, refuse);
  return claims;
}
