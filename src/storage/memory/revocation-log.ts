import { type Clock, wholeSecond } from "../../time/clock.js";
import type { Revocation } from "../../oauth/revocation.js";
import { quotaExceeded } from "../quota-exceeded.js";
import { NOT_BEFORE_AHEAD_MS, NOT_BEFORE_MARGIN_MS } from "../revocation-log.js";
import type { LoggedRevocation, RevocationLog, RevocationSink } from "../revocation-log.js";
import { type SessionTtls, lastSessionEnd } from "../session-ttls.js";
import { OwnerQuota } from "./owner-quota.js";
import { createSweeper } from "./sweeper.js";

/** A restart ends all sessions: the present setting is the only one there ever was. */
const NO_OTHERS: SessionTtls = new Map();

/** The log in this process: it holds the newest revocation of each target. `epoch` names this process's log. */
export function createMemoryRevocationLog(needs: {
  readonly clock: Clock;
  readonly epoch: string;
  readonly sessionTtlMs: number;
}): RevocationLog {
  const { clock, epoch, sessionTtlMs } = needs;
  const entries = new Map<string, LoggedRevocation>();
  const sinks = new Set<RevocationSink>();
  const quota = new OwnerQuota();
  const sweep = createSweeper(entries, (entry) => entry.revocation.expiresAt <= clock());
  let last = { ms: 0, sequence: 0 };

  const cursor = (): string => `${epoch}.${last.ms}-${last.sequence}`;
  const append = (revocation: Revocation): void => {
    const ms = Math.max(clock(), last.ms);
    last = { ms, sequence: ms === last.ms ? last.sequence + 1 : 0 };
    const entry = { cursor: cursor(), revocation };
    entries.delete(targetOf(revocation));
    entries.set(targetOf(revocation), entry);
    for (const sink of sinks) sink.apply(entry);
  };
  const isLogged = (revocation: Revocation): boolean =>
    (revocation.kind === "session" || revocation.kind === "key") &&
    (entries.get(targetOf(revocation))?.revocation.expiresAt ?? 0) >= revocation.expiresAt;

  return {
    async publish(revocation, owner) {
      if (isLogged(revocation)) return revocation;
      const now = wholeSecond(clock());
      const stored = stamped(revocation, now);
      if (owner !== undefined && !quota.spend(owner, stored.expiresAt, now)) throw quotaExceeded();
      sweep();
      append(stored);
      return stored;
    },
    lastSessionEnd: () => lastSessionEnd(NO_OTHERS, sessionTtlMs, wholeSecond(clock())),
    async follow(sink, signal) {
      if (signal.aborted) return;
      for (const entry of entries.values()) sink.apply(entry);
      sink.caughtUp(Infinity, cursor());
      sinks.add(sink);
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      sinks.delete(sink);
    },
  };
}

/** The target of a revocation. A later one of the same target replaces an earlier one. */
function targetOf(revocation: Revocation): string {
  const { kind } = revocation;
  if (kind === "session") return `session:${revocation.sessionId}`;
  if (kind === "subject") return `subject:${revocation.subject}`;
  if (kind === "client") return `client:${revocation.clientId}`;
  if (kind === "client_prefix") return `client_prefix:${revocation.prefix}`;
  return kind === "key" ? `key:${revocation.kid}` : kind;
}

function stamped(revocation: Revocation, now: number): Revocation {
  if (revocation.kind === "session" || revocation.kind === "key") return revocation;
  return {
    ...revocation,
    notBefore: Math.max(revocation.notBefore, now + NOT_BEFORE_AHEAD_MS),
    expiresAt: revocation.expiresAt + NOT_BEFORE_MARGIN_MS,
  };
}
