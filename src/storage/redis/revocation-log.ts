import { toSeconds } from "../../time/clock.js";
import type { Revocation } from "../../oauth/revocation.js";
import { quotaExceeded } from "../quota-exceeded.js";
import { NOT_BEFORE_AHEAD_SECONDS, NOT_BEFORE_MARGIN_SECONDS, REVOCATION_QUOTA } from "../revocation-log.js";
import type { RevocationLog, RevocationSink } from "../revocation-log.js";
import { type SessionTtls, lastSessionEnd } from "../session-ttls.js";
import type { RedisLink } from "./redis-link.js";
import { textList } from "./reply.js";
import { kindAndId } from "./revocation-entry.js";
import { RevocationFollower } from "./revocation-follower.js";
import type { FollowerDependencies } from "./revocation-follower.js";
import { revocationPublish } from "./scripts.js";

/** How long a publication waits for this replica's own view. */
const OWN_VIEW_MS = 100;

const NONE_KNOWN: SessionTtls = new Map();

/** Counts what the server itself revokes. No client has this name. */
const OWN = "";

/** What the log is made from. */
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
    const { redis, keys, now } = this.#needs;
    if (this.#sink?.holds(revocation) === true) return revocation;
    const given = "notBefore" in revocation ? revocation.notBefore : 0;
    const quota = owner === undefined ? Number.MAX_SAFE_INTEGER : REVOCATION_QUOTA;
    const args = [...kindAndId(revocation), revocation.expiresAt, given, quota];
    const stamps = [NOT_BEFORE_AHEAD_SECONDS, NOT_BEFORE_MARGIN_SECONDS, now()];
    const reply = await redis.run(
      revocationPublish,
      [keys.revocations, keys.revocationQuota(owner ?? OWN)],
      [...args, ...stamps],
    );
    const [outcome, id = "", ends, stamp] = textList(reply);
    if (outcome !== "stored") throw quotaExceeded();
    await this.#follower?.reached(id, OWN_VIEW_MS);
    const expiresAt = Number(ends);
    return "notBefore" in revocation
      ? { ...revocation, expiresAt, notBefore: Number(stamp) }
      : { ...revocation, expiresAt };
  }

  lastSessionEnd(): number {
    const { clock, offset, sessionTtlSeconds } = this.#needs;
    const ttls = this.#follower?.sessionTtls ?? NONE_KNOWN;
    return lastSessionEnd(ttls, sessionTtlSeconds, toSeconds(offset.corrected(clock())));
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
