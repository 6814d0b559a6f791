import type { JsonObject } from "../oauth/json.js";
import { SECOND } from "../time/clock.js";
import type { Refuse } from "./compact-jws.js";

/** How far clocks may differ, in milliseconds. It is the same for every JWT that others made, and no setting. */
export const LEEWAY_MS = 30 * SECOND;

/** Instants in milliseconds. Undefined where the claim is absent. */
export interface JwtTimes {
  readonly expiresAt: number | undefined;
  readonly notBefore: number | undefined;
  readonly issuedAt: number | undefined;
}

export type ExpiringTimes = JwtTimes & { readonly expiresAt: number };

/**
 * Reads and obeys `exp`, `nbf` and `iat` (RFC 7519 section 4.1). A claim that is no finite number is refused. An `iat` in
 * the future is refused too: the clock that wrote it cannot be trusted with `exp` either.
 */
export function checkTimes(claims: JsonObject, now: number, refuse: Refuse): JwtTimes {
  const [expiresAt, notBefore, issuedAt] = ["exp", "nbf", "iat"].map((name) => instantOf(claims, name, refuse));
  if (expiresAt !== undefined && now >= expiresAt + LEEWAY_MS) {
    const detail = `the token expired at ${spelled(expiresAt)}`;
    throw refuse("the token has expired", { failure: "token_expired", detail });
  }
  if (notBefore !== undefined && now < notBefore - LEEWAY_MS) throw refuse("the token is not valid yet");
  if (issuedAt !== undefined && now < issuedAt - LEEWAY_MS) throw refuse("the token's iat is in the future");
  return { expiresAt, notBefore, issuedAt };
}

/** As `checkTimes`, for tokens that must expire. */
export function checkTimesWithExpiry(claims: JsonObject, now: number, refuse: Refuse): ExpiringTimes {
  const { expiresAt, ...times } = checkTimes(claims, now, refuse);
  if (expiresAt === undefined) throw refuse("the token has no exp");
  return { expiresAt, ...times };
}

/** `exp` is any finite number, and `Date` is not. */
function spelled(instant: number): string {
  const date = new Date(instant);
  return Number.isNaN(date.getTime()) ? `${instant} ms` : date.toISOString();
}

function instantOf(claims: JsonObject, name: string, refuse: Refuse): number | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) throw refuse(`${name} is not a finite number`);
  return value * SECOND;
}
