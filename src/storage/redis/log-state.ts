/**
 * What is known of the log of revocations beside its entries: its name, where it stands, Redis's clock, and the
 * `session_ttl`s of replicas. Only asking must succeed. A Redis that takes no writes can be followed all the same.
 */
import { ANNOUNCED_MS, MAX_SESSION_TTL_MS, type SessionTtls, isAnnouncementDue, outlived } from "../session-ttls.js";
import { SECOND, toSeconds } from "../../time/clock.js";
import type { RedisKeys } from "./keys.js";
import type { RedisCaller } from "./redis-caller.js";
import { stringList } from "./reply.js";
import type { ScriptNow } from "./script-now.js";
import { revocationBegin, revocationSweep, revocationTick } from "./scripts.js";
import { FIRST_ID } from "./stream-id.js";

/** Entries that a sweep looks at for removal, and the room for replicas' clocks before one is removed. */
const SWEEP = 500;
const SWEEP_SLACK_SECONDS = 60;

/** Where the log stands, as one heartbeat found it. */
export interface LogStatus {
  readonly epoch: string;
  /** Which server with which data: another after every restart and every failover. */
  readonly incarnation: string;
  readonly lastId: string;
}

/** One heartbeat's answer. */
export interface Beat {
  readonly status: LogStatus;
  /** By Redis's clock, in milliseconds. */
  readonly storeTime: number;
}

export interface LogStateDependencies {
  readonly redis: RedisCaller;
  readonly keys: RedisKeys;
  readonly now: ScriptNow;
  /** This replica's `session_ttl`. */
  readonly sessionTtlMs: number;
  /** Names a log that begins because the store has none. */
  readonly newEpoch: () => string;
}

export class LogState {
  readonly #needs: LogStateDependencies;
  /** The name of a log that has none, while Redis refuses to store one. */
  #unstoredEpoch: string | undefined;
  #ttls: SessionTtls = new Map();

  constructor(needs: LogStateDependencies) {
    this.#needs = needs;
  }

  /** The `session_ttl`s in use, as the last answer had them. */
  get sessionTtls(): SessionTtls {
    return this.#ttls;
  }

  /** Asks how things stand. */
  async ask(): Promise<Beat> {
    const { redis, keys, now } = this.#needs;
    const reply = await redis.run(revocationTick, [keys.revocations, keys.revocationsState], [now()]);
    const [named = "", incarnation = "", lastId = FIRST_ID, storeTime, ...ttls] = stringList(reply);
    const epoch = named === "" ? await this.#begin() : named;
    this.#ttls = readTtls(ttls);
    return { status: { epoch, incarnation, lastId }, storeTime: Number(storeTime) };
  }

  async #begin(): Promise<string> {
    const { redis, keys, newEpoch } = this.#needs;
    const name = (this.#unstoredEpoch ??= newEpoch());
    try {
      const epoch = await redis.run(revocationBegin, [keys.revocationsState], [name]);
      this.#unstoredEpoch = undefined; // the next log has another name
      return String(epoch);
    } catch {
      return name;
    }
  }

  /**
   * Announces this replica's `session_ttl`: at its start, twice a day, and after Redis lost it. The view becomes
   * complete only afterwards, and with it the replica ready. A read-only Redis must not stop a replica from following.
   */
  async announceTtl(now: number): Promise<void> {
    const { redis, keys, sessionTtlMs: own } = this.#needs;
    if (!isAnnouncementDue(this.#ttls, own, now)) return;
    const fields = { [ttlField(own)]: toSeconds(now + ANNOUNCED_MS) };
    const over = outlived(this.#ttls, now).map(ttlField);
    const write = redis.call(async (link) => {
      await link.hset(keys.revocationsState, fields);
      if (over.length > 0) await link.hdel(keys.revocationsState, ...over);
    });
    await write.catch(() => {});
  }

  /** Removes what is over. Following does not depend on it. */
  async sweep(): Promise<void> {
    const { redis, keys, now } = this.#needs;
    const sweepKeys = [keys.revocations, keys.revocationsState];
    await redis.run(revocationSweep, sweepKeys, [SWEEP, SWEEP_SLACK_SECONDS, now()]).catch(() => {});
  }
}

function ttlField(ttlMs: number): string {
  return `ttl:${ttlMs / SECOND}`;
}

/** Reads `session_ttl`s, which Redis has in seconds. Leaves out those that no replica wrote: they would make revocations last for ever. */
function readTtls(fields: readonly string[]): SessionTtls {
  const ttls = new Map<number, number>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [ttl, until] = [Number(fields[at]?.slice("ttl:".length)), Number(fields[at + 1])];
    const isTtl = Number.isSafeInteger(ttl) && ttl > 0 && ttl <= MAX_SESSION_TTL_MS / SECOND;
    if (isTtl && Number.isSafeInteger(until)) ttls.set(ttl * SECOND, until * SECOND);
  }
  return ttls;
}
