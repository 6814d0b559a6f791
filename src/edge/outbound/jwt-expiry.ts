import { isJsonObject } from "../../oauth/json.js";
import { SECOND } from "../../time/clock.js";

/**
 * When a token of somebody else expires, in milliseconds: its `exp`, or Infinity for a JWT without one. Undefined for a
 * token that is no JWT. No signature is checked: an early end only makes a kept answer be forgotten.
 */
export function expiryOf(token: string): number | undefined {
  const [, payload, ...more] = token.split(".");
  if (payload === undefined || more.length !== 1) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    if (!isJsonObject(claims)) return undefined;
    const { exp } = claims;
    if (exp === undefined) return Infinity;
    return typeof exp === "number" ? exp * SECOND : undefined;
  } catch {
    return undefined;
  }
}
