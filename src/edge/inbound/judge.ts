/** Decides about a request by its path and its token. Knows neither Envoy nor HTTP. */
import type { AccessToken } from "../../oauth/access-token.js";
import { bearerToken } from "../../verifier/bearer.js";
import { VerificationError } from "../../verifier/verification-error.js";
import type { Verifier } from "../../verifier/verifier.js";
import { normalPath } from "./normal-path.js";
import { INTERNAL_REFUSAL, PATH_REFUSAL, type Refusal, tokenRefusal } from "./refusal.js";
import { createRules, type Rule } from "./rules.js";

export interface AskedRequest {
  /** The `Authorization` fields. */
  readonly authorization: readonly string[];
  /** The path as the caller sent it, with or without the query. Read only where there are rules. */
  readonly target: string | undefined;
}

export type Verdict =
  { readonly allowed: true; readonly token: AccessToken } | { readonly allowed: false; readonly refusal: Refusal };

/** Never rejects. */
export type Judge = (request: AskedRequest) => Promise<Verdict>;

export interface JudgeDependencies {
  readonly verifier: Pick<Verifier, "verify">;
  readonly rules: readonly Rule[];
  /** Called for faults of ours. */
  readonly onFault: (error: unknown) => void;
}

export function createJudge({ verifier, rules, onFault }: JudgeDependencies): Judge {
  const findRule = createRules(rules);

  function scopesFor(target: string | undefined): readonly string[] | undefined {
    if (rules.length === 0) return [];
    const path = target === undefined ? undefined : normalPath(target);
    return path === undefined ? undefined : (findRule(path)?.scopes ?? []);
  }

  return async ({ authorization, target }) => {
    const scopes = scopesFor(target);
    if (scopes === undefined) return { allowed: false, refusal: PATH_REFUSAL };
    try {
      return { allowed: true, token: await verifier.verify(bearerToken(authorization), { scopes }) };
    } catch (error) {
      if (error instanceof VerificationError) return { allowed: false, refusal: tokenRefusal(error, scopes) };
      onFault(error);
      return { allowed: false, refusal: INTERNAL_REFUSAL };
    }
  };
}
