/** The revocation endpoint (RFC 7009), and revoking by session, subject, client or all with permission. */
import type { Clock } from "../time/clock.js";
import { type ClientRegistry, type ClientSet, findClient } from "../clients/client-registry.js";
import { OAuthError, invalidRequest, toOAuthError } from "../oauth/error.js";
import { type Asker, type Events, newAsker } from "../oauth/events.js";
import type { CallerRequest } from "../oauth/request.js";
import { type Revocation, type RevocationView, nameOf } from "../oauth/revocation.js";
import type { KeyRing } from "../keys/key-ring.js";
import { familySessionEnd, lineageEnd } from "../revocations/lifetime.js";
import type { RevocationLog } from "../storage/revocation-log.js";
import type { Families } from "../grants/authentic-families.js";
import { parseRefreshToken } from "../tokens/refresh-token.js";
import type { TokenVerifier } from "../tokens/token-verifier.js";
import {
  type CallingClient,
  type IdentifyCaller,
  noteCaller,
  requireCredentials,
  requirePermission,
} from "./permission.js";

export type RevocationTarget =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "session"; readonly sessionId: string }
  | { readonly kind: "subject"; readonly subject: string }
  | { readonly kind: "client"; readonly clientId: string }
  /** A workload rule, by its name. */
  | { readonly kind: "workload"; readonly rule: string }
  | { readonly kind: "everything" };

export interface RevocationRequest extends CallerRequest {
  readonly target: RevocationTarget;
  /** Whether only to check that the caller may. */
  readonly validateOnly?: boolean;
}

export interface RevocationEndpoint {
  /**
   * Resolves when the revocation is stored, or there was nothing to revoke: with whether the settings have the client, where
   * one was named. Throws `OAuthError`.
   */
  revoke(request: RevocationRequest): Promise<{ readonly known: boolean | undefined }>;
}

export interface RevocationDependencies {
  readonly identifyCaller: IdentifyCaller;
  readonly verifier: TokenVerifier;
  readonly log: RevocationLog;
  readonly families: Families;
  readonly keys: Pick<KeyRing, "macKey">;
  readonly events: Events;
  readonly revocations: RevocationView;
  readonly registry: ClientRegistry;
  /** The clock that replicas share: sessions end by it. */
  readonly clock: Clock;
}

const SESSION_ID = /^[A-Za-z0-9_-]{22}$/;

export function createRevocationEndpoint(dependencies: RevocationDependencies): RevocationEndpoint {
  const { identifyCaller, log, events, revocations, registry } = dependencies;

  /**
   * The revocation of a target that is not a token. It lasts until every session that has begun is over. The store
   * stamps it. `notBefore` is later than that only if sessions may be dated ahead.
   */
  function widely(target: Exclude<RevocationTarget, { kind: "token" }>): Revocation {
    const expiresAt = log.lastSessionEnd();
    switch (target.kind) {
      case "session":
        if (!SESSION_ID.test(target.sessionId)) {
          throw invalidRequest("PARAMETER_INVALID", "session is not a session id: send the sid of a token.");
        }
        return { kind: "session", sessionId: target.sessionId, expiresAt };
      case "subject": {
        const subject = named(target.subject, "subject");
        return { kind: "subject", subject, notBefore: revocations.latestStart("subject", subject), expiresAt };
      }
      case "client": {
        const clientId = named(target.clientId, "client");
        return { kind: "client", clientId, notBefore: revocations.latestStart("client", clientId), expiresAt };
      }
      case "workload": {
        const rule = registry.current.workloads.rules.find(({ name }) => name === target.rule);
        if (rule === undefined) throw invalidRequest("PARAMETER_INVALID", "There is no workload rule of this name.");
        const notBefore = revocations.latestStart("everything", "");
        return { kind: "client_prefix", prefix: rule.prefix, notBefore, expiresAt };
      }
      case "everything":
        return { kind: "everything", notBefore: revocations.latestStart("everything", ""), expiresAt };
    }
  }

  async function revoke(request: RevocationRequest, asker: Asker): Promise<void> {
    const caller = await identifyCaller(request);
    noteCaller(asker, caller);
    const { target } = request;
    if (target.kind === "token") {
      if (request.validateOnly === true) return events.revoked(asker, "nothing", undefined);
      const ended = await revokeToken(target.token, caller, dependencies);
      if (ended.length > 0) events.revoked(asker, "session", ended.join(" "));
      else events.revoked(asker, "nothing", undefined);
      return;
    }
    requirePermission(caller.client, "revoke");
    if (target.kind !== "session") requireCredentials(caller, `Revoking by ${target.kind}`);
    const wanted = widely(target);
    if (request.validateOnly === true) return events.revoked(asker, "nothing", undefined);
    const stored = await log.publish(wanted, caller.client.id);
    events.revoked(asker, target.kind, nameOf(stored));
  }

  return {
    async revoke(request) {
      const asker = newAsker(request.caller);
      try {
        await revoke(request, asker);
        return { known: isKnown(request.target, registry.current) };
      } catch (thrown) {
        const error = toOAuthError(thrown);
        events.revocationRefused(asker, error);
        throw error;
      }
    },
  };
}

/** Ends the session of a token, and returns what it ended. An unknown or dead token is no error (RFC 7009 section 2.2). */
async function revokeToken(
  token: string,
  caller: CallingClient,
  dependencies: RevocationDependencies,
): Promise<readonly string[]> {
  const { families, log, clock } = dependencies;
  const found = await sessionNamedBy(token, dependencies);
  if (found === undefined) return [];
  const { sessionIds, clientId, expiresAt, family } = found;
  // The client of a lost family is unknown. Any client that holds the token may revoke it.
  if (clientId !== undefined) requireOwnership(caller, clientId);
  if (expiresAt <= clock()) return []; // nothing can be alive
  for (const sessionId of sessionIds) await log.publish({ kind: "session", sessionId, expiresAt }, caller.client.id);
  if (family !== undefined) await families.revoke(family);
  return sessionIds;
}

/** The session of a token (or two that it may belong to), and the instant when all that grew from it is over. */
interface NamedSession {
  readonly sessionIds: readonly string[];
  readonly clientId: string | undefined;
  readonly expiresAt: number;
  /** The family that the store has. */
  readonly family?: string;
}

async function sessionNamedBy(
  token: string,
  { verifier, families, keys, log, clock }: RevocationDependencies,
): Promise<NamedSession | undefined> {
  const refresh = parseRefreshToken(token, keys.macKey());
  if (refresh !== undefined) {
    const { familyId } = refresh;
    const found = await families.findToEnd(familyId);
    const unknown = { sessionIds: [familyId], clientId: undefined, expiresAt: log.lastSessionEnd() };
    // The family expired or was lost, but its session can continue by exchange. The token's MAC proves the id.
    if (found === undefined) return unknown;
    const { sessionId, clientId } = found.family;
    // Not authentic: the session that it names ends too. A release without MACs gave families other ids.
    if (!found.authentic) return { ...unknown, sessionIds: [...new Set([familyId, sessionId])], family: familyId };
    return { sessionIds: [sessionId], clientId, expiresAt: familySessionEnd(found.family), family: familyId };
  }
  const { token: read } = verifier.read(token) ?? {};
  if (read === undefined) return undefined;
  const expiresAt = lineageEnd(read, clock(), log.lastSessionEnd());
  return { sessionIds: [read.session.id], clientId: read.clientId, expiresAt };
}

/** A client that is gone may be revoked as well. But an id that nobody has may be a typing error. */
function isKnown(target: RevocationTarget, clients: ClientSet): boolean | undefined {
  if (target.kind === "client") return findClient(clients, target.clientId) !== undefined;
  return target.kind === "workload" ? true : undefined; // without such a rule it was refused
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

/** Longer than any subject of our tokens: a mapped one has a prefix before at most 2048 characters. */
const MAX_NAME_LENGTH = 4096;

function named(value: string, parameter: string): string {
  if (value === "" || value.length > MAX_NAME_LENGTH)
    throw invalidRequest("PARAMETER_INVALID", `${parameter} is empty or too long.`);
  return value;
}
