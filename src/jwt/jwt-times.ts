import type { JsonObject } from "../oauth/json.js";
import type { Refuse } from "./compact-jws.js";

/** How far clocks may differ, in seconds: a setting of the product, the same for every JWT that others made. */
export const LEEWAY_SECONDS = 30;

/** The times of a JWT, in seconds; undefined where absent. */
export interface JwtTimes {
  readonly expiresAt: number | undefined;
  readonly notBefore: number | undefined;
  readonly issuedAt: number | undefined;
}

export type ExpiringTimes = JwtTimes & { readonly expiresAt: number };

/**
 * Reads and obeys `exp`, `nbf` and `iat` (RFC 7519 section 4.1) at `now` (seconds). A claim that is there but is no finite
 * number is refused, as is an `iat` in the future: such a token was made by a clock that cannot be trusted with
 * its `exp` either.
 */
export function checkTimes(claims: JsonObject, now: number, refuse: Refuse): JwtTimes {
  const [expiresAt, notBefore, issuedAt] = ["exp", "nbf", "iat"].map((name) => numericDate(claims, name, refuse));
  if (expiresAt !== undefined && now >= expiresAt + LEEWAY_SECONDS) throw refuse("the token has expired");
  if (notBefore !== undefined && now < notBefore - LEEWAY_SECONDS) throw refuse("the token is not valid yet");
  if (issuedAt !== undefined && now < issuedAt - LEEWAY_SECONDS) throw refuse("the token's iat is in the future");
  return { expiresAt, notBefore, issuedAt };
}

/** As `checkTimes`, for tokens that must expire. */
export function checkTimesWithExpiry(claims: JsonObject, now: number, refuse: Refuse): ExpiringTimes {
  const { expiresAt, ...times } = checkTimes(claims, now, refuse);
  if (expiresAt === undefined) throw refuse("the token has no exp");
  return { expiresAt, ...times };
}

function numericDate(claims: JsonObject, name: string, refuse: Refuse): number | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) throw refuse(`${name} is not a finite number`);
  return value;
}
