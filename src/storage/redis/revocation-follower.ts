/**
 * Follows the log of revocations into the replica's table. XREAD brings news within milliseconds. But it cannot tell a
 * dead server from silence, and after a failover it stays silent behind an old cursor. A heartbeat each second
 * therefore asks where the log stands, and only its answer makes the view complete.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { MINUTE, wholeSecond } from "../../time/clock.js";
import type { Clock } from "../../time/clock.js";
import type { StoreMac } from "../../crypto/store-mac.js";
import type { Revocation } from "../../oauth/revocation.js";
import { NOT_BEFORE_MARGIN_MS } from "../revocation-log.js";
import type { RevocationSink } from "../revocation-log.js";
import { type SessionTtls, lastSessionEnd } from "../session-ttls.js";
import { isStateUnavailable, stateUnavailable } from "../../oauth/error.js";
import type { Log } from "../../oauth/log.js";
import type { ClockOffset } from "./clock-offset.js";
import { whenReady } from "./redis-link.js";
import type { RedisLink } from "./redis-link.js";
import { stringList } from "./reply.js";
import { MAX_ENTRY_BYTES, bounded, formatEntry, isAuthentic, macOf, parseEntry } from "./revocation-entry.js";
import { LogState, type LogStateDependencies, type LogStatus } from "./log-state.js";
import { revocationHeal, revocationRead } from "./scripts.js";
import { FIRST_ID, compareIds, earlierId } from "./stream-id.js";

const RETRY_MS = 200;
/** After a lost connection ids may have gone back by as much as servers' clocks differ. */
const OVERLAP_MS = MINUTE;
/** Entries read at once: some 5 ms of work here and there. */
const PAGE = 1000;
const HEAL_CHUNK = 500;
/** Replicas begin to heal at different times: the later ones find the work done. */
const HEAL_SPREAD_MS = 300;
/** An entry of the log as it stands there. */
interface StreamEntry {
  readonly id: string;
  readonly entry: string;
  readonly mac: string;
}

export interface FollowerDependencies extends LogStateDependencies {
  /** A connection of its own, for XREAD BLOCK. */
  readonly tail: RedisLink;
  /** Authenticates entries. */
  readonly mac: StoreMac;
  readonly clock: Clock;
  readonly offset: ClockOffset;
  readonly beatMs: number;
  readonly log: Log;
  readonly sink: RevocationSink;
}

/** One run of following. */
export class RevocationFollower {
  readonly #needs: FollowerDependencies;
  /** The status up to which all was read last. Undefined before that. */
  #status: LogStatus | undefined;
  /** Everything up to this id has been applied. */
  #readUpTo = FIRST_ID;
  #wasInterrupted = false;
  /** Whether the log lacks revocations that this replica holds, because Redis refused to append them. */
  #mustHeal = false;
  readonly #state: LogState;
  /** Entries read that icemint did not write as they are. */
  tamperedEntries = 0;
  readonly #waiting = new Set<{ readonly id: string; readonly resolve: () => void }>();

  constructor(needs: FollowerDependencies) {
    this.#needs = needs;
    this.#state = new LogState(needs);
  }

  /** The `session_ttl`s in use, as the last heartbeat found them. */
  get sessionTtls(): SessionTtls {
    return this.#state.sessionTtls;
  }

  /** Follows until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await whenReady(this.#needs.tail, RETRY_MS);
        await this.#beat();
        await this.#tail(signal);
      } catch (error) {
        if (!isStateUnavailable(error)) this.#needs.log.fault("store", error);
        this.#wasInterrupted = true;
        await sleep(RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  /** Resolves once the sink has been given the entry, or after a while. */
  async reached(id: string, withinMs: number): Promise<void> {
    if (compareIds(this.#readUpTo, id) >= 0) return;
    await new Promise<void>((resolve) => {
      const waiter = { id, resolve };
      this.#waiting.add(waiter);
      setTimeout(() => {
        this.#waiting.delete(waiter);
        resolve();
      }, withinMs).unref();
    });
  }

  async #beat(): Promise<void> {
    const { clock, offset, sink } = this.#needs;
    const at = clock();
    const { status, storeTime } = await this.#state.ask();
    offset.note(at, storeTime, clock());
    await this.#state.announceTtl(wholeSecond(storeTime));
    const known = this.#status;
    if (known === undefined || isLost(known, status, this.#readUpTo)) {
      await this.#readAll(status);
    } else {
      await this.#read(this.#wasInterrupted ? earlierId(this.#readUpTo, OVERLAP_MS) : this.#readUpTo, status.lastId);
    }
    this.#status = status;
    this.#wasInterrupted = false;
    sink.caughtUp(offset.corrected(at), `${status.epoch}.${this.#readUpTo}`);
    if (this.#mustHeal) await this.#heal(status);
    void this.#state.sweep();
  }

  /** Reads the log from its start, and appends the revocations that only this replica still knows. */
  async #readAll(status: LogStatus): Promise<void> {
    const { sink } = this.#needs;
    this.#status = undefined; // any failure from here on starts over
    sink.beginFullRead();
    this.#readUpTo = FIRST_ID;
    await this.#read(FIRST_ID, status.lastId, status.epoch);
    await this.#heal(status);
  }

  /** The view is complete without it. A Redis that takes no writes is healed at a later heartbeat. */
  async #heal(status: LogStatus): Promise<void> {
    try {
      const healed = await this.#appendLost(status);
      if (healed > 0) {
        this.#needs.log.warn("the log of revocations had lost entries: they were appended again", { healed });
      }
      this.#mustHeal = false;
    } catch {
      this.#mustHeal = true;
    }
  }

  async #appendLost(status: LogStatus): Promise<number> {
    const { redis, keys, sink, mac } = this.#needs;
    if (takeSome(sink.unconfirmed()[Symbol.iterator](), 1).length === 0) return 0;
    await sleep(Math.random() * HEAL_SPREAD_MS, undefined, { ref: false });
    const lost = sink.unconfirmed()[Symbol.iterator]();
    for (let healed = 0; ;) {
      await this.#read(this.#readUpTo, undefined, status.epoch); // what other replicas have healed meanwhile
      const chunk = takeSome(lost, HEAL_CHUNK).map(formatEntry);
      if (chunk.length === 0) return healed;
      const withMacs = chunk.flatMap((entry) => [entry, macOf(entry, mac)]);
      await redis.run(revocationHeal, [keys.revocations], withMacs);
      healed += chunk.length;
    }
  }

  /** Applies all entries after `from`, a page at a time, up to `to` or to the end. */
  async #read(from: string, to: string | undefined, epoch = this.#status?.epoch ?? ""): Promise<void> {
    if (to !== undefined && compareIds(from, to) >= 0) return;
    for (let page = await this.#page(from); page.length > 0;) {
      const last = page.at(-1)?.id ?? from;
      const isLast = page.length < PAGE || (to !== undefined && compareIds(last, to) >= 0);
      const next = isLast ? [] : this.#page(last); // on its way while this one is applied
      this.#apply(page, epoch);
      page = await next;
    }
    // Entries up to there may have been removed since: there is nothing more to wait for.
    if (to !== undefined && compareIds(this.#readUpTo, to) < 0) this.#advance(to);
  }

  async #page(after: string): Promise<readonly StreamEntry[]> {
    const { redis, keys } = this.#needs;
    const texts = stringList(await redis.run(revocationRead, [keys.revocations], [after, PAGE, MAX_ENTRY_BYTES]));
    return Array.from({ length: texts.length / 3 }, (_, at) => {
      const [id = "", entry = "", mac = ""] = texts.slice(at * 3, at * 3 + 3);
      return { id, entry, mac };
    });
  }

  async #tail(signal: AbortSignal): Promise<void> {
    const { tail, keys } = this.#needs;
    const until = performance.now() + this.#needs.beatMs;
    for (let left = this.#needs.beatMs; left >= 1 && !signal.aborted; left = until - performance.now()) {
      const block = Math.ceil(left);
      const reply = await tail
        .xread("COUNT", PAGE, "BLOCK", block, "STREAMS", keys.revocations, this.#readUpTo)
        .catch(away);
      const entries = (reply?.[0]?.[1] ?? []).map(([id, fields]) => streamEntry(id, fields));
      this.#apply(entries, this.#status?.epoch ?? "");
    }
  }

  #apply(entries: readonly StreamEntry[], epoch: string): void {
    let last: string | undefined;
    let tampered = 0;
    for (const { id, entry, mac } of entries) {
      last = id;
      const revocation = parseEntry(entry);
      const authentic = isAuthentic(entry, mac, this.#needs.mac);
      if (!authentic) tampered += 1;
      if (revocation === undefined) continue;
      const obeyed = authentic ? revocation : this.#bounded(revocation);
      this.#obey({ cursor: `${epoch}.${id}`, revocation: obeyed });
    }
    if (tampered > 0) this.#noteTampered(tampered);
    if (last !== undefined && compareIds(last, this.#readUpTo) > 0) this.#advance(last);
  }

  /** One that the view cannot take must not keep it from all that come after. */
  #obey(event: Parameters<RevocationSink["apply"]>[0]): void {
    try {
      this.#needs.sink.apply(event);
    } catch (error) {
      this.#needs.log.fault("store", error);
    }
  }

  #bounded(revocation: Revocation): Revocation {
    const { clock, offset, sessionTtlMs } = this.#needs;
    const now = wholeSecond(offset.corrected(clock()));
    const end = lastSessionEnd(this.sessionTtls, sessionTtlMs, now) + NOT_BEFORE_MARGIN_MS;
    return bounded(revocation, now, end);
  }

  #noteTampered(count: number): void {
    this.tamperedEntries += count;
    this.#needs.log.warn(
      "revocations in redis were not written by icemint as they are, or by a release without MACs: obeyed within bounds",
      { count },
    );
  }

  #advance(id: string): void {
    this.#readUpTo = id;
    for (const waiter of this.#waiting) {
      if (compareIds(id, waiter.id) < 0) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }
}

/** Whether the log may have lost what was read from it before. */
function isLost(known: LogStatus, status: LogStatus, readUpTo: string): boolean {
  return (
    status.epoch !== known.epoch || status.incarnation !== known.incarnation || compareIds(status.lastId, readUpTo) < 0
  );
}

/** An answer of XREAD. A value longer than any entry counts as an empty one. */
function streamEntry(id: string, [, entry = "", , mac = ""]: readonly string[]): StreamEntry {
  return entry.length <= MAX_ENTRY_BYTES ? { id, entry, mac } : { id, entry: "", mac: "" };
}

function away(error: unknown): never {
  throw stateUnavailable(error);
}

/** Takes the next items, at most `count`, and leaves the iterator where it is. */
function takeSome<T>(items: Iterator<T>, count: number): readonly T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const { done, value } = items.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
