/**
 * How old an assertion that is a grant may be. It may need no other proof: the token that Kubernetes mounts by default, good
 * for a year, is none.
 */
import type { Refuse } from "../jwt/compact-jws.js";
import { LEEWAY_SECONDS } from "../jwt/jwt-times.js";
import type { IssuerToken } from "./trusted-issuer.js";

/**
 * By use, in seconds, where the issuer's settings say nothing. A kubelet's token lasts an hour. An ID-JAG is made for one
 * request.
 */
const DEFAULT_MAX_AGE = { client_assertion: 60 * 60, id_jag: 5 * 60 } as const;

/** Throws `refuse(…)` if the assertion is older, or lasts longer, than `max_assertion_age`. */
export function checkAge(
  { issuer, times }: IssuerToken,
  use: keyof typeof DEFAULT_MAX_AGE,
  now: number,
  refuse: Refuse,
): void {
  const { issuedAt, expiresAt } = times;
  if (issuedAt === undefined) throw refuse("the token has no iat, which max_assertion_age needs");
  const most = (issuer.maxAssertionAgeSeconds ?? DEFAULT_MAX_AGE[use]) + LEEWAY_SECONDS;
  if (now - issuedAt > most) throw refuse("iat is longer ago than max_assertion_age");
  if (expiresAt - issuedAt > most) throw refuse("exp is longer after iat than max_assertion_age");
}
