/**
 * The JWT bearer grant (RFC 7523 section 2.1). For clients themselves the assertion is a workload's token, or one that a
 * registered client signed, and needs no other credentials (Kafka, Prometheus and OpenTelemetry send none). The answer is
 * what client credentials give. An ID-JAG (`id-jag.ts`) lets a client act for a user.
 */
import type { ClientAuthenticator } from "../clients/client-authenticator.js";
import type { Refuse } from "../jwt/compact-jws.js";
import { withoutOuterSpace } from "../jwt/white-space.js";
import { OAuthError, type OAuthErrorOptions, invalidRequest } from "../oauth/error.js";
import type { Caller, TokenRequest } from "../oauth/request.js";
import type { Sessions } from "../tokens/sessions.js";
import { proposeOwn } from "./client-credentials.js";
import { type Grant, type Proposal, parametersOf } from "./grant.js";
import { type PresentedIdJag, type ProposeByIdJag, isIdJag } from "./id-jag.js";

export interface JwtBearerDependencies {
  readonly authenticator: ClientAuthenticator;
  readonly sessions: Sessions;
  readonly proposeByIdJag: ProposeByIdJag;
}

export function createJwtBearer({ authenticator, sessions, proposeByIdJag }: JwtBearerDependencies): Grant {
  /** A refusal of what a client that has authenticated presents is charged too: nobody tries assertions for nothing. */
  async function byIdJag(presented: Omit<PresentedIdJag, "refuse">, { address }: Caller): Promise<Proposal> {
    const refusals = new WeakSet<Error>();
    const refuse: Refuse = (detail, more) => {
      const refusal = assertionInvalid({ failure: "assertion_invalid", detail, ...more });
      refusals.add(refusal);
      return refusal;
    };
    try {
      return await proposeByIdJag({ ...presented, refuse });
    } catch (error) {
      if (!(error instanceof OAuthError) || !refusals.has(error)) throw error;
      throw authenticator.charge(error, presented.client.id, address);
    }
  }

  return {
    type: "jwt_bearer",
    async identify(request) {
      const assertion = assertionOf(request);
      if (isIdJag(assertion)) {
        const { client, method } = await authenticator.authenticate(request);
        return { client, by: method, tokens: [], idJag: assertion };
      }
      const own = { jwt: assertion, as: "grant", refuse: assertionInvalid } as const;
      const { client, method } = await authenticator.identify(request, own);
      return { client, by: method, tokens: [] };
    },
    ask: (request, { client, idJag }) => ({
      needs: "jwt_bearer",
      propose: (settle) =>
        idJag === undefined
          ? { ...proposeOwn(client, sessions), via: "jwt_bearer" }
          : byIdJag({ jwt: idJag, client, settle }, request.caller),
    }),
  };
}

function assertionOf(request: TokenRequest): string {
  const { assertion } = parametersOf(request, "jwt_bearer");
  if (assertion === undefined) throw invalidRequest("PARAMETER_MISSING", "assertion is missing.");
  return withoutOuterSpace(assertion);
}

/** One text for whatever is wrong: nothing tells which clients, rules and keys there are. */
function assertionInvalid(detail: OAuthErrorOptions["detail"]): OAuthError {
  return new OAuthError(
    "invalid_grant",
    "ASSERTION_INVALID",
    "The assertion was refused: it is malformed, too old, not for this server, or of nobody that is known here.",
    detail === undefined ? {} : { detail },
  );
}
