/** The requester of an exchange: a client by its credentials, a client by its own token, or a token for itself. */
import type { ClientAuthenticator } from "../clients/client-authenticator.js";
import { type ClientRegistry, findClient } from "../clients/client-registry.js";
import { type AccessToken, isOwnToken } from "../oauth/access-token.js";
import { type OAuthError, invalidRequest } from "../oauth/error.js";
import type { TokenExchangeParameters, TokenRequest } from "../oauth/request.js";
import { type TokenVerifier, isLive } from "../tokens/token-verifier.js";
import { bearerInvalid, bearerOf, credentialsMissing, isOfPresentRule, readBearer } from "./bearer.js";
import type { Requester } from "./grant.js";
import type { Sessions } from "../tokens/sessions.js";

/**
 * Credentials win over a Bearer, which is ignored (PyIceberg and Java send a stale one). A user's token does not
 * authenticate a client: as Bearer it may only refresh itself.
 */
export type IdentifyRequester = (request: TokenRequest, parameters: TokenExchangeParameters) => Promise<Requester>;

export interface RequesterDependencies {
  readonly authenticator: ClientAuthenticator;
  readonly registry: ClientRegistry;
  readonly verifier: TokenVerifier;
  readonly sessions: Sessions;
}

export function createRequesters(dependencies: RequesterDependencies): IdentifyRequester {
  const { authenticator, registry, verifier, sessions } = dependencies;

  async function byCredentials(request: TokenRequest, parameters: TokenExchangeParameters): Promise<Requester> {
    const { client, method } = await authenticator.authenticate(request);
    const actor = actorToken(parameters, client.id);
    return { client, by: method, tokens: actor === undefined ? [] : [actor] };
  }

  function byBearer(bearer: string, parameters: TokenExchangeParameters): Requester {
    const { reading, client } = readBearer(bearer, dependencies);
    const { token } = reading;
    sessions.requireFreshRevocations();
    const actor = actorToken(parameters, client.id);
    if (bearer === parameters.subjectToken) return { client, by: "self", tokens: [token], self: reading };
    if (!isOwnToken(token)) throw bearerInvalid("a user's or delegated token may only refresh itself");
    return { client, by: "bearer", tokens: actor === undefined || actor.id === token.id ? [token] : [token, actor] };
  }

  function byActorToken(parameters: TokenExchangeParameters): Requester {
    const actor = actorToken(parameters, undefined);
    if (actor === undefined) throw credentialsMissing();
    const client = findClient(registry.current, actor.clientId);
    if (client === undefined || client.disabled) throw actorInvalid("the actor's client is gone or disabled");
    return { client, by: "actor_token", tokens: [actor] };
  }

  /** The actor token, which must be a live one of the client's own (RFC 8693 section 2.1). */
  function actorToken(parameters: TokenExchangeParameters, clientId: string | undefined): AccessToken | undefined {
    const presented = presentedActor(parameters);
    if (presented === undefined) return undefined;
    const reading = verifier.read(presented);
    if (reading === undefined) throw actorInvalid("not a token of this issuer");
    if (!isLive(reading)) throw actorInvalid(reading.revoked ? "revoked" : "expired");
    if (!isOwnToken(reading.token)) throw actorInvalid("a user's or delegated token proves no client");
    if (clientId !== undefined && reading.token.clientId !== clientId) {
      throw actorInvalid("it belongs to another client than the one that authenticated");
    }
    const client = findClient(registry.current, reading.token.clientId);
    if (client !== undefined && !isOfPresentRule(reading.token, client)) {
      throw actorInvalid("the workload rule of its client has changed");
    }
    sessions.requireFreshRevocations();
    return reading.token;
  }

  return async (request, parameters) => {
    if (authenticator.presents(request)) return byCredentials(request, parameters);
    const bearer = bearerOf(request.credentials);
    return bearer === undefined ? byActorToken(parameters) : byBearer(bearer, parameters);
  };
}

function presentedActor({ actorToken, actorTokenType }: TokenExchangeParameters): string | undefined {
  if (actorToken === undefined) {
    if (actorTokenType === undefined) return undefined;
    throw invalidRequest("PARAMETER_MISSING", "actor_token_type was sent without actor_token.");
  }
  if (actorTokenType === undefined) {
    throw invalidRequest("PARAMETER_MISSING", "actor_token was sent without actor_token_type.");
  }
  if (actorTokenType !== "access_token" && actorTokenType !== "jwt") {
    throw invalidRequest("TOKEN_TYPE_UNSUPPORTED", "actor_token must be an access token of this server.");
  }
  return actorToken;
}

function actorInvalid(detail: string): OAuthError {
  return invalidRequest(
    "ACTOR_TOKEN_INVALID",
    "actor_token is not a live access token that belongs to the client itself.",
    { detail },
  );
}
