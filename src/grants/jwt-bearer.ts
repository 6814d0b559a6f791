/**
 * The JWT bearer grant (RFC 7523 section 2.1) for clients themselves: the assertion is a workload's token, or one that a
 * registered client signed, and needs no other credentials (Kafka, Prometheus and OpenTelemetry send none). The answer is
 * what client credentials give.
 */
import type { ClientAuthenticator } from "../clients/client-authenticator.js";
import { OAuthError, invalidRequest } from "../oauth/error.js";
import type { Sessions } from "../tokens/sessions.js";
import { proposeOwn } from "./client-credentials.js";
import { type Grant, parametersOf } from "./grant.js";

export function createJwtBearer({
  authenticator,
  sessions,
}: {
  readonly authenticator: ClientAuthenticator;
  readonly sessions: Sessions;
}): Grant {
  return {
    type: "jwt_bearer",
    async identify(request) {
      const { assertion } = parametersOf(request, "jwt_bearer");
      if (assertion === undefined) throw invalidRequest("PARAMETER_MISSING", "assertion is missing.");
      const found = await authenticator.identify(request, { jwt: assertion, as: "grant", refuse: assertionInvalid });
      return { client: found.client, by: found.method, tokens: [] };
    },
    ask: (_request, { client }) => ({
      needs: "jwt_bearer",
      propose: () => ({ ...proposeOwn(client, sessions), via: "jwt_bearer" }),
    }),
  };
}

/** One text for whatever is wrong: nothing tells which clients, rules and keys there are. */
function assertionInvalid(detail: string): OAuthError {
  return new OAuthError(
    "invalid_grant",
    "ASSERTION_INVALID",
    "The assertion was refused: it is malformed, too old, not for this server, or of nobody that is known here.",
    { detail },
  );
}
