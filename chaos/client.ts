/** What simulated clients have in common. */
import { setTimeout as sleep } from "node:timers/promises";
import type { History } from "./history.js";

/** What a client is given. It runs until the signal aborts, then finishes what it is at. */
export interface ClientOptions {
  readonly who: string;
  /** Where forms go. */
  readonly url: string;
  readonly history: History;
  readonly signal: AbortSignal;
}

const URN = "urn:ietf:params:oauth";

/** The forms that clients post. */
export const FORMS = {
  exchange: (subject: string, type = "access_token") => ({
    grant_type: `${URN}:grant-type:token-exchange`,
    scope: "catalog",
    subject_token: subject,
    subject_token_type: `${URN}:token-type:${type}`,
  }),
  clientCredentials: { grant_type: "client_credentials", scope: "catalog" },
  refreshToken: (token: string) => ({ grant_type: "refresh_token", refresh_token: token }),
} as const;

/** A pause that the signal ends early. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

/** The claims of a JWT, unverified. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}

/** A member of an answer that must be text. */
export function textOf(body: Readonly<Record<string, unknown>>, name: string): string {
  const value = body[name];
  return typeof value === "string" ? value : "";
}
