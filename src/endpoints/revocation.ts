/** The revocation endpoint (RFC 7009), and revoking by session, subject, client or all with permission. */
import { type AccessToken, isOwnToken } from "../oauth/access-token.js";
import { type Clock, SECOND, toSeconds } from "../time/clock.js";
import { OAuthError, invalidRequest, toOAuthError } from "../oauth/error.js";
import type { Events } from "../oauth/events.js";
import type { CallerRequest } from "../oauth/request.js";
import type { Revocation } from "../oauth/revocation.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { RefreshFamilies } from "../storage/refresh-families.js";
import type { RevocationLog } from "../storage/revocation-log.js";
import { parseRefreshToken } from "../tokens/refresh-token.js";
import {
  type CallerDependencies,
  type CallingClient,
  identifyCaller,
  requireCredentials,
  requirePermission,
} from "./permission.js";

/** What to revoke. */
export type RevocationTarget =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "session"; readonly sessionId: string }
  | { readonly kind: "subject"; readonly subject: string }
  | { readonly kind: "client"; readonly clientId: string }
  | { readonly kind: "everything" };

/** The revocation endpoint (RFC 7009). */
export interface RevocationEndpoint {
  /** Resolves when the revocation is stored, or there was nothing to revoke. Throws `OAuthError`. */
  revoke(request: CallerRequest & { readonly target: RevocationTarget }): Promise<void>;
}

/** What revoking takes. */
export type RevocationDependencies = CallerDependencies & {
  readonly log: RevocationLog;
  readonly families: RefreshFamilies;
  readonly keys: Pick<KeyRing, "macKey">;
  readonly events: Events;
  readonly clock: Clock;
  readonly sessionTtlSeconds: number;
};

const SESSION_ID = /^[A-Za-z0-9_-]{22}$/;

/** Makes the revocation endpoint. */
export function createRevocationEndpoint(dependencies: RevocationDependencies): RevocationEndpoint {
  const { log, events, clock, sessionTtlSeconds } = dependencies;

  /** The revocation of a target that is not a token: it lasts until no session begun by now can be alive. */
  function widely(target: Exclude<RevocationTarget, { kind: "token" }>): Revocation {
    const now = toSeconds(clock());
    const expiresAt = now + sessionTtlSeconds + SLACK_SECONDS;
    switch (target.kind) {
      case "session":
        if (!SESSION_ID.test(target.sessionId)) {
          throw invalidRequest("PARAMETER_INVALID", "session is not a session id: send the sid of a token.");
        }
        return { kind: "session", sessionId: target.sessionId, expiresAt };
      case "subject":
        return { kind: "subject", subject: named(target.subject, "subject"), notBefore: now, expiresAt };
      case "client":
        return { kind: "client", clientId: named(target.clientId, "client"), notBefore: now, expiresAt };
      case "everything":
        return { kind: "everything", notBefore: now, expiresAt };
    }
  }

  async function revoke(request: CallerRequest & { readonly target: RevocationTarget }): Promise<void> {
    const caller = await identifyCaller(request, dependencies);
    const { target } = request;
    if (target.kind === "token") return revokeToken(target.token, caller, request, dependencies);
    requirePermission(caller.client, "revoke");
    if (target.kind !== "session") requireCredentials(caller, `Revoking by ${target.kind}`);
    const stored = await log.publish(widely(target), caller.client.id);
    events.revoked(request.caller, caller.client.id, target.kind, idOf(stored));
  }

  return {
    async revoke(request) {
      try {
        await revoke(request);
      } catch (thrown) {
        const error = toOAuthError(thrown);
        events.revocationRefused(request.caller, error);
        throw error;
      }
    },
  };
}

/** Not-before instants are stamped up to 2 s ahead, and replicas' clocks differ: sessions end that much later. */
const SLACK_SECONDS = 5;

/** Ends the session of a token. An unknown or dead token is no error (RFC 7009 section 2.2). */
async function revokeToken(
  token: string,
  caller: CallingClient,
  request: CallerRequest,
  { verifier, families, keys, log, events, clock, sessionTtlSeconds }: RevocationDependencies,
): Promise<void> {
  const refresh = parseRefreshToken(token, keys.macKey());
  const found = refresh === undefined ? undefined : await families.find(refresh.familyId);
  const reading = refresh === undefined ? verifier.read(token) : undefined;
  const sessionId = found?.sessionId ?? reading?.token.session.id;
  const clientId = found?.clientId ?? reading?.token.clientId;
  if (sessionId === undefined || clientId === undefined) return;
  requireOwnership(caller, clientId);
  const now = toSeconds(clock());
  const expiresAt =
    reading === undefined
      ? Math.ceil((found?.endsAt ?? 0) / SECOND)
      : lineageEnd(reading.token, now, sessionTtlSeconds);
  if (expiresAt <= now) return; // nothing can be alive
  await log.publish({ kind: "session", sessionId, expiresAt }, caller.client.id);
  if (found !== undefined) await families.revoke(found.id);
  events.revoked(request.caller, caller.client.id, "session", sessionId);
}

/**
 * When the last session of a token's lineage ends, in seconds. A user's session bounds all that grow from it. A client's
 * own does not: its tokens begin users' sessions up to its last moment, each of full length.
 */
function lineageEnd(token: AccessToken, now: number, sessionTtlSeconds: number): number {
  const { endsAt } = token.session;
  return isOwnToken(token) ? Math.min(now, endsAt) + sessionTtlSeconds + SLACK_SECONDS : endsAt;
}

function requireOwnership(caller: CallingClient, clientId: string): void {
  if (clientId !== caller.client.id && !caller.client.permissions.has("revoke")) {
    throw new OAuthError(
      "unauthorized_client",
      "PERMISSION_MISSING",
      `Client '${caller.client.id}' may revoke only tokens of its own. Permission 'revoke' would allow others.`,
    );
  }
}

/** Any subject that a token of ours can have fits: a mapped one has a prefix before at most 2048 characters. */
const MAX_NAME_LENGTH = 4096;

function named(value: string, parameter: string): string {
  if (value === "" || value.length > MAX_NAME_LENGTH)
    throw invalidRequest("PARAMETER_INVALID", `${parameter} is empty or too long.`);
  return value;
}

function idOf(revocation: Revocation): string {
  switch (revocation.kind) {
    case "session":
      return revocation.sessionId;
    case "subject":
      return revocation.subject;
    case "client":
      return revocation.clientId;
    case "everything":
      return "*";
    case "key":
      return revocation.kid;
  }
}
