/** How often an assertion may be used. The store remembers uses. An assertion is named by its `jti`, or else by what is
 * signed. */
import { hash } from "node:crypto";
import type { IssuerToken } from "../issuers/trusted-issuer.js";
import type { CompactJws, Refuse } from "../jwt/compact-jws.js";
import { LEEWAY_MS } from "../jwt/jwt-times.js";
import { OAuthError } from "../oauth/error.js";
import type { ReplayPurpose, Replays } from "../storage/replays.js";
import type { Client } from "./client.js";

export const MAX_JTI_LENGTH = 256;

/** An assertion that a client signed, its signature checked. */
export interface OwnAssertion {
  readonly jws: CompactJws;
  readonly jti: string | undefined;
  readonly expiresAt: number;
}

/**
 * Uses an assertion that a client signed. As authentication it works once. As a grant it works again, because Kafka sends
 * the same one at each retry. It then works while the store is away, too. `singleUse` of the client allows one use here as
 * well. An assertion that served the other purpose is refused.
 */
export async function useOwnAssertion(
  { id, singleUse }: Client,
  { jws, jti, expiresAt }: OwnAssertion,
  purpose: ReplayPurpose,
  { replays, refuse }: { readonly replays: Replays; readonly refuse: Refuse },
): Promise<void> {
  const maySkip = purpose === "grant" && !singleUse;
  const until = expiresAt + LEEWAY_MS;
  const use = await replays.use(`${id}\n${jti ?? digestOf(jws)}`, purpose, until).catch((error: unknown) => {
    if (maySkip && error instanceof OAuthError && error.code === "temporarily_unavailable") return "repeated";
    throw error;
  });
  if (use === "used_otherwise") throw refuse("the assertion was used for something else before");
  if (use === "repeated" && !maySkip) throw refuse("the assertion was used before");
}

/** Uses a platform's token, which an issuer with `single_use` lets work once, wherever it is presented. */
export async function useIssuerToken(
  { issuer, claims, jws, times }: IssuerToken,
  purpose: ReplayPurpose,
  { replays, refuse }: { readonly replays: Replays; readonly refuse: Refuse },
): Promise<void> {
  if (!issuer.singleUse) return;
  const { jti } = claims;
  const isName = typeof jti === "string" && jti !== "" && jti.length <= MAX_JTI_LENGTH;
  // No client id has a space: the name of no client's assertion begins like this one.
  const id = `issuer ${issuer.issuer}\n${isName ? jti : digestOf(jws)}`;
  const use = await replays.use(id, purpose, times.expiresAt + LEEWAY_MS);
  if (use !== "first") throw refuse("the token was used before, and its issuer is single_use");
}

/**
 * Names an assertion that has no `jti`. Only what is signed counts: of one ECDSA signature anybody can make a second one
 * that is as good. The line break keeps it apart from a `jti` that reads like it.
 */
function digestOf({ token }: CompactJws): string {
  return `\n${hash("sha256", token.slice(0, token.lastIndexOf(".")), "base64url")}`;
}
