/** Callers of revocation, introspection and the operator's endpoints, and their permissions. */
import type { AuthMethod, ClientAuthenticator } from "../clients/client-authenticator.js";
import type { ClientRegistry } from "../clients/client-registry.js";
import type { Client, Permission } from "../clients/client.js";
import { isOwnToken } from "../oauth/access-token.js";
import { OAuthError } from "../oauth/error.js";
import type { Asker } from "../oauth/events.js";
import type { CallerRequest } from "../oauth/request.js";
import type { TokenVerifier } from "../tokens/token-verifier.js";
import { bearerInvalid, bearerOf, credentialsMissing, readBearer } from "../grants/bearer.js";
import type { Sessions } from "../tokens/sessions.js";

/** A caller, and whether it authenticated by its own credentials and not by a token. */
export interface CallingClient {
  readonly client: Client;
  readonly byCredentials: boolean;
  readonly method: AuthMethod;
  readonly secretName?: string | undefined;
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
      return { ...(await authenticator.authenticate(request)), byCredentials: true };
    }
    const bearer = bearerOf(request.credentials);
    if (bearer === undefined) throw credentialsMissing();
    const { reading, client } = readBearer(bearer, dependencies);
    const { token } = reading;
    const invalid = (detail: string) => bearerInvalid({ failure: "token_invalid", client: token.clientId, detail });
    if (!isOwnToken(token)) throw invalid("a user's or delegated token proves no client");
    if (!token.audience.includes(issuer)) throw invalid("the token's audience is not this server");
    if (sessions.hasEnded(token.session)) throw invalid("its session has ended");
    sessions.requireFreshRevocations();
    return { client, byCredentials: false, method: "bearer" };
  };
}

/** Notes for the audit who asks. */
export function noteCaller(asker: Asker, { client, method, secretName }: CallingClient): void {
  asker.clientId = client.id;
  asker.rule = client.workload?.rule;
  asker.authMethod = method;
  asker.secretName = secretName;
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
