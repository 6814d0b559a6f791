/** Who asks for an exchange: a client by its credentials, a client by one of its own tokens, or a token for itself. */
import type { AuthMethod, ClientAuthenticator } from "../clients/authenticate.js";
import type { ClientRegistry } from "../clients/client-registry.js";
import type { Client } from "../clients/client.js";
import { type AccessToken, isOwnToken } from "../oauth/access-token.js";
import { OAuthError, invalidRequest } from "../oauth/error.js";
import { type Eventually, andThen } from "../oauth/eventually.js";
import type { Credentials, TokenExchangeParameters, TokenRequest } from "../oauth/request.js";
import { type TokenReading, type TokenVerifier, isLive } from "../tokens/token-verifier.js";
import type { Sessions } from "./sessions.js";

/** Who asks, and the tokens of ours that they proved it with. */
export interface Requester {
  readonly client: Client;
  readonly by: AuthMethod | "actor_token" | "self";
  /** Live tokens of the client's own, as Bearer or actor. With `self`: the token that asks to be refreshed. */
  readonly tokens: readonly AccessToken[];
  /** With `self`: that token as it was read, so that nobody need verify it twice. */
  readonly self?: TokenReading;
}

/** What identifying a requester takes. */
export interface RequesterDependencies {
  readonly authenticator: ClientAuthenticator;
  readonly registry: ClientRegistry;
  readonly verifier: TokenVerifier;
  readonly sessions: Sessions;
}

/** The token of a `Bearer` header (RFC 6750 section 2.1); undefined for any other scheme or none. */
export function bearerOf(credentials: Credentials): string | undefined {
  const [, token] = /^bearer +(\S+) *$/i.exec(credentials.authorization ?? "") ?? [];
  return token;
}

/**
 * Finds out who asks for an exchange. Credentials decide where both are present, and the Bearer is ignored (PyIceberg
 * and Java send a stale one). A user's token proves no client: as Bearer it may only refresh itself.
 */
export function identifyRequester(
  request: TokenRequest,
  parameters: TokenExchangeParameters,
  dependencies: RequesterDependencies,
): Eventually<Requester> {
  const { authenticator } = dependencies;
  if (authenticator.presents(request)) {
    return andThen(authenticator.authenticate(request), ({ client, method }) => {
      const actor = actorToken(parameters, client.id, dependencies);
      return { client, by: method, tokens: actor === undefined ? [] : [actor] };
    });
  }
  const bearer = bearerOf(request.credentials);
  if (bearer !== undefined) return identifyByBearer(bearer, parameters, dependencies);
  const actor = actorToken(parameters, undefined, dependencies);
  if (actor === undefined) throw credentialsMissing();
  const client = dependencies.registry.current.byId.get(actor.clientId);
  if (client === undefined || client.disabled) throw actorInvalid("the actor's client is gone or disabled");
  return { client, by: "actor_token", tokens: [actor] };
}

function identifyByBearer(
  bearer: string,
  parameters: TokenExchangeParameters,
  dependencies: RequesterDependencies,
): Requester {
  const reading = liveBearer(bearer, dependencies.verifier);
  const { token } = reading;
  const client = dependencies.registry.current.byId.get(token.clientId);
  if (client === undefined || client.disabled) throw bearerInvalid("the token's client is gone or disabled");
  dependencies.sessions.requireFreshRevocations();
  const actor = actorToken(parameters, client.id, dependencies);
  if (bearer === parameters.subjectToken) return { client, by: "self", tokens: [token], self: reading };
  if (!isOwnToken(token)) throw bearerInvalid("a user's or delegated token may only refresh itself");
  return { client, by: "bearer", tokens: actor === undefined || actor.id === token.id ? [token] : [token, actor] };
}

/** A live token of ours from a Bearer header. Throws `invalid_client`. */
export function liveBearer(bearer: string, verifier: TokenVerifier): TokenReading {
  const reading = verifier.read(bearer);
  if (reading === undefined) throw bearerInvalid("not a token of this issuer");
  if (!isLive(reading)) throw bearerInvalid(reading.revoked ? "revoked" : "expired");
  return reading;
}

/** The actor token, which must be a live one of the client's own (RFC 8693 section 2.1). */
function actorToken(
  parameters: TokenExchangeParameters,
  clientId: string | undefined,
  { verifier, sessions }: RequesterDependencies,
): AccessToken | undefined {
  const { actorToken: presented, actorTokenType } = parameters;
  if (presented === undefined) {
    if (actorTokenType === undefined) return undefined;
    throw invalidRequest("PARAMETER_MISSING", "actor_token_type was sent without actor_token.");
  }
  if (actorTokenType === undefined) {
    throw invalidRequest("PARAMETER_MISSING", "actor_token was sent without actor_token_type.");
  }
  if (actorTokenType !== "access_token" && actorTokenType !== "jwt") {
    throw invalidRequest("TOKEN_TYPE_UNSUPPORTED", "actor_token must be an access token of this server.");
  }
  const reading = verifier.read(presented);
  if (reading === undefined) throw actorInvalid("not a token of this issuer");
  if (!isLive(reading)) throw actorInvalid(reading.revoked ? "revoked" : "expired");
  if (!isOwnToken(reading.token)) throw actorInvalid("a user's or delegated token proves no client");
  if (clientId !== undefined && reading.token.clientId !== clientId) {
    throw actorInvalid("it belongs to another client than the one that authenticated");
  }
  sessions.requireFreshRevocations();
  return reading.token;
}

/** No credentials at all. */
export function credentialsMissing(): OAuthError {
  return new OAuthError(
    "invalid_client",
    "CREDENTIALS_MISSING",
    "No client credentials: send client_id and client_secret, a Basic or Bearer header, or a client_assertion.",
  );
}

/** A Bearer token that may not be used here. One text, so that nothing tells a forged one from a revoked one. */
export function bearerInvalid(detail: string): OAuthError {
  return new OAuthError(
    "invalid_client",
    "BEARER_INVALID",
    "The Bearer token is not a live token of this server that may be used here. Use the client's own credentials.",
    { scheme: "Bearer", detail },
  );
}

function actorInvalid(detail: string): OAuthError {
  return invalidRequest(
    "ACTOR_TOKEN_INVALID",
    "actor_token is not a live access token that belongs to the client itself.",
    { detail },
  );
}
