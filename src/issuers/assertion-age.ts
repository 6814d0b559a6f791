/**
 * How old an assertion that is a grant may be. It may need no other proof: the token that Kubernetes mounts by default, good
 * for a year, is none.
 */
import type { Refuse } from "../jwt/compact-jws.js";
import { LEEWAY_MS } from "../jwt/jwt-times.js";
import { HOUR, MINUTE } from "../time/clock.js";
import type { IssuerToken } from "./trusted-issuer.js";

/** Where the issuer's settings say nothing. A kubelet's token lasts an hour. An ID-JAG is made for one request. */
const DEFAULT_MAX_AGE_MS = { client_assertion: HOUR, id_jag: 5 * MINUTE } as const;

/** Throws `refuse(…)` if the assertion is older, or lasts longer, than `max_assertion_age`. */
export function checkAge(
  { issuer, times }: IssuerToken,
  use: keyof typeof DEFAULT_MAX_AGE_MS,
  now: number,
  refuse: Refuse,
): void {
  const { issuedAt, expiresAt } = times;
  if (issuedAt === undefined) throw refuse("the token has no iat, which max_assertion_age needs");
  const most = (issuer.maxAssertionAgeMs ?? DEFAULT_MAX_AGE_MS[use]) + LEEWAY_MS;
  if (now - issuedAt > most) throw refuse("iat is longer ago than max_assertion_age");
  if (expiresAt - issuedAt > most) throw refuse("exp is longer after iat than max_assertion_age");
}
