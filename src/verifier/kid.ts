import { Buffer } from "node:buffer";
import { isJsonObject } from "../oauth/json.js";

const LONGEST_HEADER = 1024;

/** The `kid` of a token's header. The token is not verified yet. */
export function kidOf(token: string): string | undefined {
  const end = token.indexOf(".");
  if (end <= 0 || end > LONGEST_HEADER) return undefined;
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, end), "base64url").toString());
    const kid = isJsonObject(header) ? header["kid"] : undefined;
    return typeof kid === "string" ? kid : undefined;
  } catch {
    return undefined;
  }
}
