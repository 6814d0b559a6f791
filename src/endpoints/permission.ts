/** Callers of revocation, introspection and the operator's endpoints, and their permissions. */
import type { ClientAuthenticator } from "../clients/client-authenticator.js";
import type { ClientRegistry } from "../clients/client-registry.js";
import type { Client, Permission } from "../clients/client.js";
import { isOwnToken } from "../oauth/access-token.js";
import { OAuthError } from "../oauth/error.js";
import type { CallerRequest } from "../oauth/request.js";
import type { TokenVerifier } from "../tokens/token-verifier.js";
import { bearerInvalid, bearerOf, credentialsMissing, readBearer } from "../grants/bearer.js";
import type { Sessions } from "../tokens/sessions.js";

/** A caller, and whether it authenticated by its own credentials and not by a token. */
export interface CallingClient {
  readonly client: Client;
  readonly byCredentials: boolean;
}

export interface CallerDependencies {
  readonly authenticator: ClientAuthenticator;
  readonly registry: ClientRegistry;
  readonly verifier: TokenVerifier;
  readonly sessions: Sessions;
  readonly issuer: string;
}

/**
 * Accepts credentials, or a client's own live token with our issuer in `aud` (RFC 6750; RFC 9068 section 4). Rejects
 * with `invalid_client`.
 */
export type IdentifyCaller = (request: CallerRequest) => Promise<CallingClient>;

export function createCallers(dependencies: CallerDependencies): IdentifyCaller {
  const { authenticator, sessions, issuer } = dependencies;
  return async (request) => {
    if (authenticator.presents(request)) {
      return { client: (await authenticator.authenticate(request)).client, byCredentials: true };
    }
    const bearer = bearerOf(request.credentials);
    if (bearer === undefined) throw credentialsMissing();
    const { reading, client } = readBearer(bearer, dependencies);
    const { token } = reading;
    if (!isOwnToken(token)) throw bearerInvalid("a user's or delegated token proves no client");
    if (!token.audience.includes(issuer)) throw bearerInvalid("the token's audience is not this server");
    if (sessions.hasEnded(token.session)) throw bearerInvalid("its session has ended");
    sessions.requireFreshRevocations();
    return { client, byCredentials: false };
  };
}

/** Throws `unauthorized_client` unless the client has the permission. */
export function requirePermission(client: Client, permission: Permission): void {
  if (!client.permissions.has(permission)) throw permissionMissing(client.id, permission);
}

/** Throws `unauthorized_client` unless the caller used its own credentials: a stolen token must not do this. */
export function requireCredentials(caller: CallingClient, what: string): void {
  if (!caller.byCredentials) {
    throw new OAuthError(
      "unauthorized_client",
      "PERMISSION_MISSING",
      `${what} needs the client's own credentials, not a Bearer token.`,
    );
  }
}

export function permissionMissing(clientId: string, permission: Permission): OAuthError {
  return new OAuthError(
    "unauthorized_client",
    "PERMISSION_MISSING",
    `Client '${clientId}' lacks permission '${permission}'. Add it to the permissions of its record.`,
  );
}
