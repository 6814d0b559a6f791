/** Begins sessions for grants: dated past any not-before revocation, and listing the sessions that they grew from. */
import { type AccessToken, type Actor, type Session, actingClients } from "../oauth/access-token.js";
import { type Clock, toSeconds } from "../time/clock.js";
import { OAuthError, invalidRequest } from "../oauth/error.js";
import type { RandomId } from "../crypto/random-id.js";
import type { RevocationView } from "../oauth/revocation.js";
import { MAX_ANCESTORS, beginSession, endOf, lineageOf } from "../tokens/session.js";

/** For whom a session begins. */
export interface NewSession {
  readonly subject: string;
  readonly clientId: string;
  readonly actor: Actor | undefined;
  /** Tokens of ours by means of which it begins: Bearer, actor and subject. */
  readonly means: readonly AccessToken[];
  /** The subject's token, if it is ours: the session ends no later than its. */
  readonly within?: AccessToken;
}

/** Begins and judges sessions. */
export interface Sessions {
  /** Begins a session. Throws `invalid_request` if it would have too many ancestors. */
  begin(session: NewSession): Session;
  /** When a session ends by the present settings, in seconds. */
  endOf(session: Session): number;
  /** Throws `temporarily_unavailable` if too long ago to rely on, the replica last knew all revocations. */
  requireFreshRevocations(): void;
}

/** What sessions are made with. */
export interface SessionsDependencies {
  readonly clock: Clock;
  readonly randomId: RandomId;
  readonly revocations: RevocationView;
  readonly sessionTtlSeconds: number;
  readonly maxStalenessMs: number;
}

const NONE: readonly string[] = [];

function lineageOfAll(tokens: readonly AccessToken[]): readonly string[] {
  return [...new Set(tokens.flatMap((token) => lineageOf(token.session)))];
}

/** Makes the sessions of a replica. */
export function createSessions(dependencies: SessionsDependencies): Sessions {
  const { clock, randomId, revocations, sessionTtlSeconds, maxStalenessMs } = dependencies;
  return {
    begin({ subject, clientId, actor, means, within }) {
      const ancestors = means.length === 0 ? NONE : lineageOfAll(means);
      if (ancestors.length > MAX_ANCESTORS) {
        throw invalidRequest(
          "DELEGATION_TOO_DEEP",
          `The session would grow from more than ${MAX_ANCESTORS} others. Exchange an earlier token of the chain.`,
        );
      }
      return beginSession({
        id: randomId(),
        now: toSeconds(clock()),
        ttlSeconds: sessionTtlSeconds,
        notBefore: revocations.notBefore(subject, clientId, actingClients(actor)),
        ancestors,
        noLaterThan: within && endOf(within.session, sessionTtlSeconds),
      });
    },
    endOf: (session) => endOf(session, sessionTtlSeconds),
    requireFreshRevocations() {
      if (revocations.ageMs() > maxStalenessMs) {
        throw new OAuthError(
          "temporarily_unavailable",
          "STATE_UNAVAILABLE",
          "Revocations could not be read for too long to trust a token. Use the client's own credentials, or try again.",
          { retryAfterSeconds: 1 },
        );
      }
    },
  };
}
