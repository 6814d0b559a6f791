/** The requester of an exchange: a client by its credentials, a client by its own token, or a token for itself. */
import type { AuthenticatedClient, ClientAuthenticator } from "../clients/client-authenticator.js";
import { type ClientRegistry, findClient } from "../clients/client-registry.js";
import type { Client } from "../clients/client.js";
import { type AccessToken, isOwnToken } from "../oauth/access-token.js";
import { type OAuthError, type OAuthErrorOptions, invalidRequest } from "../oauth/error.js";
import type { TokenExchangeParameters, TokenRequest } from "../oauth/request.js";
import { type TokenReading, type TokenVerifier, isLive } from "../tokens/token-verifier.js";
import { bearerInvalid, bearerOf, credentialsMissing, isOfPresentRule, readBearer, whyDead } from "./bearer.js";
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
    const { client, method, secretName } = await authenticator.authenticate(request);
    const tokens = await actorTokens(request, parameters, client);
    return { client, by: method, secretName, tokens };
  }

  async function byBearer(
    bearer: string,
    request: TokenRequest,
    parameters: TokenExchangeParameters,
  ): Promise<Requester> {
    const { reading, client } = readBearer(bearer, dependencies);
    const { token } = reading;
    sessions.requireFreshRevocations();
    const actors = await actorTokens(request, parameters, client);
    if (bearer === parameters.subjectToken) return { client, by: "self", tokens: [token], self: reading };
    if (!isOwnToken(token)) throw bearerInvalid("a user's or delegated token may only refresh itself");
    return { client, by: "bearer", tokens: [token, ...actors.filter(({ id }) => id !== token.id)] };
  }

  async function byActorToken(request: TokenRequest, parameters: TokenExchangeParameters): Promise<Requester> {
    const presented = presentedActor(parameters);
    if (presented === undefined) throw credentialsMissing();
    const reading = verifier.read(presented);
    if (reading === undefined) {
      const { client, method } = await platformActor(request, presented);
      return { client, by: method, tokens: [] };
    }
    const actor = ownActor(reading, undefined);
    const client = findClient(registry.current, actor.clientId);
    if (client === undefined || client.disabled) throw actorInvalid("the actor's client is gone or disabled");
    return { client, by: "actor_token", tokens: [actor] };
  }

  /** Tokens of ours as actor, beside what proves the client already. A platform's token must stand for the same client. */
  async function actorTokens(
    request: TokenRequest,
    parameters: TokenExchangeParameters,
    { id }: Client,
  ): Promise<readonly AccessToken[]> {
    const presented = presentedActor(parameters);
    if (presented === undefined) return [];
    const reading = verifier.read(presented);
    if (reading !== undefined) return [ownActor(reading, id)];
    await platformActor({ ...request, credentials: { clientId: id } }, presented);
    return [];
  }

  /** A workload's token as actor: kagent sends its pod's, and nothing else that says who asks. */
  function platformActor(request: TokenRequest, jwt: string): Promise<AuthenticatedClient> {
    return authenticator.identify(request, { jwt, as: "actor", refuse: actorInvalid });
  }

  /** A token of ours as actor is a live one of the client's own (RFC 8693 section 2.1). */
  function ownActor(reading: TokenReading, clientId: string | undefined): AccessToken {
    if (!isLive(reading)) throw actorInvalid(whyDead(reading));
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
    return bearer === undefined ? byActorToken(request, parameters) : byBearer(bearer, request, parameters);
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
  if (actorTokenType !== "access_token" && actorTokenType !== "jwt" && actorTokenType !== "id_token") {
    throw invalidRequest("TOKEN_TYPE_UNSUPPORTED", "actor_token_type must be access_token, jwt or id_token.");
  }
  return actorToken;
}

function actorInvalid(detail: OAuthErrorOptions["detail"]): OAuthError {
  return invalidRequest(
    "ACTOR_TOKEN_INVALID",
    "actor_token is neither a live token of the client itself nor a platform's token for its workload.",
    detail === undefined ? {} : { detail },
  );
}
