/** The guard of plain Node servers. It answers requests that are not accepted. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AccessToken } from "../oauth/access-token.js";
import { bearerToken } from "./bearer.js";
import { VerificationError, type VerificationErrorCode } from "./verification-error.js";
import type { Requirements, Verifier } from "./verifier.js";

const STATUS: Readonly<Record<VerificationErrorCode, number>> = {
  invalid_token: 401,
  insufficient_scope: 403,
  unavailable: 503,
};

/** Resolves with the token, or with undefined after it has answered the request itself. */
export type HttpGuard = (request: IncomingMessage, response: ServerResponse) => Promise<AccessToken | undefined>;

/** For `node:http` and `node:https`. */
export function createHttpGuard(verifier: Pick<Verifier, "verify">, requirements: Requirements = {}): HttpGuard {
  return async (request, response) => {
    try {
      // `headers` has only the first of two values.
      return await verifier.verify(bearerToken(request.headersDistinct["authorization"] ?? []), requirements);
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      answer(response, error, requirements);
      return undefined;
    }
  };
}

/** RFC 6750 section 3: the answer to a request without a token names the scheme and no error. */
function answer(response: ServerResponse, { code, fault, message }: VerificationError, { scopes }: Requirements): void {
  response.statusCode = STATUS[code];
  response.setHeader("content-type", "application/json");
  response.setHeader("cache-control", "no-store");
  if (code === "unavailable") response.setHeader("retry-after", "1");
  else response.setHeader("www-authenticate", challenge(code, fault === "missing", scopes));
  response.end(JSON.stringify({ error: code, error_description: message }));
}

function challenge(code: VerificationErrorCode, isMissing: boolean, scopes: readonly string[] | undefined): string {
  if (isMissing) return "Bearer";
  const scope = code === "insufficient_scope" && scopes !== undefined ? `, scope="${scopes.join(" ")}"` : "";
  return `Bearer error="${code}"${scope}`;
}
