import { SECOND, toSeconds, wholeSecond } from "../../time/clock.js";
import type { Revocation } from "../../oauth/revocation.js";
import { stateUnavailable } from "../../oauth/error.js";
import { quotaExceeded } from "../quota-exceeded.js";
import { NOT_BEFORE_AHEAD_MS, NOT_BEFORE_MARGIN_MS, REVOCATION_QUOTA } from "../revocation-log.js";
import type { RevocationLog, RevocationSink } from "../revocation-log.js";
import { type SessionTtls, lastSessionEnd } from "../session-ttls.js";
import type { RedisLink } from "./redis-link.js";
import { stringList } from "./reply.js";
import { formatEntry, macOf } from "./revocation-entry.js";
import { RevocationFollower } from "./revocation-follower.js";
import type { FollowerDependencies } from "./revocation-follower.js";
import { revocationPublish } from "./scripts.js";

/** How long a publication waits for this replica's own view. */
const OWN_VIEW_MS = 100;

const NONE_KNOWN: SessionTtls = new Map();

/** The owner of the server's own revocations. No client has this name. */
const OWN = "";

/** Redis names the stamp that it wants; the next second may begin before the next try. */
const MAX_TRIES = 4;

export interface RedisLogDependencies extends Omit<FollowerDependencies, "sink" | "tail"> {
  /** A connection that is closed when the signal aborts. */
  openTail(ended: AbortSignal): RedisLink;
  /** Aborts when the storage is closed. */
  readonly closing: AbortSignal;
}

/** The log: one stream. */
export class RedisRevocationLog implements RevocationLog {
  readonly #needs: RedisLogDependencies;
  #sink: RevocationSink | undefined;
  #follower: RevocationFollower | undefined;

  constructor(needs: RedisLogDependencies) {
    this.#needs = needs;
  }

  async publish(revocation: Revocation, owner: string | undefined): Promise<Revocation> {
    const { redis, keys, now, clock, offset, mac } = this.#needs;
    if (this.#sink?.holds(revocation) === true) return revocation;
    const given = notBeforeOf(revocation);
    const quota = owner === undefined ? Number.MAX_SAFE_INTEGER : REVOCATION_QUOTA;
    const logKeys = [keys.revocations, keys.revocationQuota(owner ?? OWN)];
    let stored = stamped(revocation, wholeSecond(offset.corrected(clock())) + NOT_BEFORE_AHEAD_MS);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const entry = formatEntry(stored);
      const times = [stored.expiresAt, notBeforeOf(stored), given].map(toSeconds);
      const args = [entry, macOf(entry, mac), ...times, quota, toSeconds(NOT_BEFORE_AHEAD_MS), now()];
      const [outcome, value = ""] = stringList(await redis.run(revocationPublish, logKeys, args));
      if (outcome === "quota_exceeded") throw quotaExceeded();
      if (outcome === "stored") {
        await this.#follower?.reached(value, OWN_VIEW_MS);
        return stored;
      }
      stored = stamped(revocation, Number(value) * SECOND);
    }
    throw stateUnavailable(new Error("Redis's clock runs too fast to stamp a revocation"));
  }

  /** Entries read that icemint did not write as they are. */
  get tampered(): number {
    return this.#follower?.tamperedEntries ?? 0;
  }

  lastSessionEnd(): number {
    const { clock, offset, sessionTtlMs } = this.#needs;
    const ttls = this.#follower?.sessionTtls ?? NONE_KNOWN;
    return lastSessionEnd(ttls, sessionTtlMs, wholeSecond(offset.corrected(clock())));
  }

  async follow(sink: RevocationSink, signal: AbortSignal): Promise<void> {
    if (this.#follower !== undefined) throw new Error("the log of a storage is followed once");
    const ended = AbortSignal.any([signal, this.#needs.closing]);
    if (ended.aborted) return;
    const tail = this.#needs.openTail(ended);
    this.#sink = sink;
    this.#follower = new RevocationFollower({ ...this.#needs, sink, tail });
    await this.#follower.run(ended);
  }
}

function notBeforeOf(revocation: Revocation): number {
  return "notBefore" in revocation ? revocation.notBefore : 0;
}

/** As it is stored: a not-before is at least `notBefore`, and its end by that clock. Others have none. */
function stamped(revocation: Revocation, notBefore: number): Revocation {
  if (!("notBefore" in revocation)) return revocation;
  const expiresAt = revocation.expiresAt + NOT_BEFORE_MARGIN_MS;
  return { ...revocation, expiresAt, notBefore: Math.max(revocation.notBefore, notBefore) };
}
