import { createHash } from "node:crypto";

/** What tokens are remembered by: a copy of each would be one more place where they lie. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
