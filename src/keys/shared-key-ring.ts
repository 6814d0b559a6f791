/**
 * The ring that all replicas share through the store. Every replica follows it, the holder of the lease rotates it, and
 * all change keys at the instants that it names. Requests only ever look into memory.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { OAuthError, stateUnavailable } from "../oauth/error.js";
import { HOUR, SECOND, type Clock } from "../time/clock.js";
import type { KeyRingStore } from "../storage/key-ring-store.js";
import type { Lease } from "../storage/lease.js";
import type { KeyInfo, KeyOperations } from "./key-operations.js";
import type { Log } from "../oauth/log.js";
import type { KeyRing } from "./key-ring.js";
import { oneAtATime } from "./one-at-a-time.js";
import type { RingCacheFile } from "./ring-cache-file.js";
import { advanceRing, publishKey, revocationOf, type RingChange } from "./ring-changes.js";
import type { RingDocument } from "./ring-document.js";
import { RingExchange } from "./ring-exchange.js";
import { createRingView, keyInfo, type RingView } from "./ring-view.js";
import { newestKey, nextRing, recognisedMs, type RotationPolicy, type RotationRule } from "./rotation.js";
import { SealError, type Sealing } from "./sealing.js";
import type { SigningAlgorithm } from "./signer.js";

/**
 * A replica polls the store, although others tell it of changes: all follow within a second even if no message arrives.
 */
const POLL_MS = 500;
/** A leader that is gone is replaced after this. */
const LEASE_MS = 5 * SECOND;
const LEASE_RENEW_MS = LEASE_MS / 3;
/** A starter that finds no ring waits this long: a running replica may be about to write one back. */
const STARTER_WAIT_MS = 2 * SECOND;
/** The cache file is written after every change and this often besides: its age then says something. */
const CACHE_EVERY_MS = HOUR;

export interface SharedKeyRingOptions {
  readonly store: KeyRingStore;
  readonly lease: Lease;
  /** Seals the ring for the store: `purpose` "key ring", `context` what tells this deployment from others. */
  readonly sealing: Sealing;
  readonly policy: RotationPolicy;
  /** Undefined: keys come from elsewhere, and the ring holds the MAC key alone. */
  readonly algorithm: SigningAlgorithm | undefined;
  readonly clock: Clock;
  /** This replica, unlike all others: the holder of the lease. */
  readonly replicaId: string;
  readonly log: Log;
  readonly cacheFile?: RingCacheFile | undefined;
  /** Waits; a test passes its own. */
  readonly wait?: (ms: number) => Promise<void>;
}

/** The ring of a replica that shares its keys. */
export interface SharedKeyRing extends KeyRing, KeyOperations, AsyncDisposable {
  /** Begins to follow and to rotate. */
  start(): void;
  /** Stops, and releases the lease. The ring in memory stays usable. */
  close(): Promise<void>;
  /** One round of what `start` repeats: follow the store, then rotate if this replica leads. Never throws. */
  refresh(): Promise<void>;
  /** Whether there is a ring to sign and verify with. */
  loaded(): boolean;
  /** Milliseconds since the store last confirmed the ring; Infinity if it never did (it came from the cache file). */
  ageMs(): number;
  /** Whether this replica is the one that rotates. */
  leads(): boolean;
}

/**
 * Loads the ring, making the first one if there is none. If the store is away, the cache file must do; without one the
 * ring is empty (`signer` throws `temporarily_unavailable`) and loads once the store is back. Throws `SealError` if the
 * store has a ring that cannot be opened here: such a replica must not start, and leaves it as it is.
 */
export async function createSharedKeyRing(options: SharedKeyRingOptions): Promise<SharedKeyRing> {
  const view = createRingView({ clock: options.clock, policy: options.policy });
  const member = new RingMember(view, options);
  await member.load(options.wait ?? ((ms) => sleep(ms)));
  return {
    signer: () => view.signer(),
    find: (kid) => view.find(kid),
    stateOf: (kid) => view.stateOf(kid),
    published: () => view.published(),
    macKey: () => view.macKey(),
    list: () => view.list(),
    rotate: () => member.rotate(),
    revoke: async (kid) => {
      await member.change(revocationOf(kid));
    },
    start: () => member.start(),
    close: () => member.close(),
    refresh: () => member.refresh(),
    loaded: () => view.document() !== undefined,
    ageMs: () => member.ageMs(),
    leads: () => member.leads(),
    [Symbol.asyncDispose]: () => member.close(),
  };
}

class RingMember {
  readonly #view: RingView;
  readonly #options: SharedKeyRingOptions;
  readonly #rule: RotationRule;
  readonly #exchange: RingExchange;
  readonly #inTurn = oneAtATime();
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #confirmedAt = -Infinity;
  /** The last instant at which the ring in memory was the truth, by the store or by the cache file. */
  #trueAt = -Infinity;
  #emptySince: number | undefined;
  #lease: { readonly fence: number; readonly until: number } | undefined;
  #renewAt = -Infinity;
  #cachedAt = -Infinity;
  #trouble: string | undefined;

  constructor(view: RingView, options: SharedKeyRingOptions) {
    this.#view = view;
    this.#options = options;
    this.#rule = { ...options.policy, algorithm: options.algorithm };
    this.#exchange = new RingExchange({ ...options, rule: this.#rule });
  }

  async load(wait: (ms: number) => Promise<void>): Promise<void> {
    await this.#loadCache();
    await this.#attempt(() => this.#follow(), "rethrow");
    if (this.#emptySince === undefined) return;
    await wait(STARTER_WAIT_MS);
    await this.#attempt(() => this.#follow(), "rethrow");
  }

  start(): void {
    this.#options.store.watch(() => void this.refresh(), this.#stopped.signal);
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    await this.#inTurn(async () => {
      if (this.#lease === undefined) return;
      this.#lease = undefined;
      // It runs out by itself if the store is away.
      await this.#options.lease.release(this.#options.replicaId).catch(() => undefined);
    });
  }

  refresh(): Promise<void> {
    return this.#attempt(async () => {
      await this.#follow();
      await this.#lead();
    });
  }

  async rotate(): Promise<KeyInfo> {
    const newest = newestKey((await this.change(publishKey)).keys);
    if (newest === undefined) throw stateUnavailable();
    this.#options.log.info("published a signing key on request", { kid: newest.kid });
    return keyInfo(newest, this.#options.clock());
  }

  /** An operator's change, on any replica. The version guards it: it needs no lease. */
  change(change: RingChange): Promise<RingDocument> {
    return this.#inTurn(async () => {
      if (this.#view.document() === undefined) throw stateUnavailable(new Error("the key ring is not loaded"));
      const ring = await this.#exchange.change(this.#view.document(), change);
      await this.#adopt(ring);
      return ring;
    });
  }

  ageMs(): number {
    return this.#options.clock() - this.#confirmedAt;
  }

  leads(): boolean {
    return this.#lease !== undefined && this.#options.clock() < this.#lease.until;
  }

  /** Until the next round. Sooner than the poll if a key falls due before: short settings keep their pace. */
  #schedule(): void {
    if (this.#stopped.signal.aborted) return;
    const now = this.#options.clock();
    const delayMs = Math.max(10, Math.min(POLL_MS, this.#dueInMs(now)));
    this.#timer = setTimeout(() => void this.refresh().finally(() => this.#schedule()), delayMs);
    this.#timer.unref();
  }

  /** In milliseconds from `now`; the poll must do where it cannot be told. */
  #dueInMs(now: number): number {
    if (!this.leads()) return POLL_MS;
    try {
      return nextRing(this.#view.document()?.keys ?? [], this.#rule, now).lookAgainAt - now;
    } catch (error) {
      this.#options.log.fault("keys", error);
      return POLL_MS;
    }
  }

  async #follow(): Promise<void> {
    const local = this.#view.document();
    const stale = this.#options.clock() - this.#trueAt > recognisedMs(this.#options.policy);
    const ring = await this.#exchange.follow(local, stale);
    if (ring !== undefined) return this.#adopt(ring);
    const now = this.#options.clock();
    this.#emptySince ??= now;
    if (now - this.#emptySince < STARTER_WAIT_MS) return;
    await this.#adopt(await this.#exchange.change(undefined, advanceRing));
    this.#options.log.info("made the first key ring", { kids: this.#view.list().map(({ kid }) => kid) });
  }

  async #lead(): Promise<void> {
    const { lease, replicaId, clock, log } = this.#options;
    const askedAt = clock();
    if (askedAt >= this.#renewAt) {
      const fence = await lease.hold(replicaId, LEASE_MS);
      this.#lease = fence === undefined ? undefined : { fence, until: askedAt + LEASE_MS };
      this.#renewAt = askedAt + LEASE_RENEW_MS;
    }
    const present = this.#view.document();
    if (this.#lease === undefined || !this.leads() || present === undefined) return;
    const { fence } = this.#lease;
    const advanced = await this.#exchange.change(present, advanceRing, fence);
    const ring = await this.#exchange.change(advanced, this.#exchange.sealAnew, fence);
    if (ring.version === present.version) return;
    await this.#adopt(ring);
    const keys = this.#view.list().filter(({ state }) => state === "published" || state === "active");
    log.info("changed the key ring", { version: ring.version, keys });
  }

  async #adopt(ring: RingDocument): Promise<void> {
    const changed = ring !== this.#view.document();
    if (changed) this.#view.show(ring);
    this.#emptySince = undefined;
    this.#confirmedAt = this.#trueAt = this.#options.clock();
    if (changed || this.#confirmedAt >= this.#cachedAt + CACHE_EVERY_MS) await this.#saveCache(ring);
  }

  async #loadCache(): Promise<void> {
    try {
      const cached = await this.#options.cacheFile?.load();
      if (cached === undefined) return;
      this.#view.show(cached.ring);
      this.#trueAt = cached.savedAt;
    } catch (error) {
      this.#options.log.warn("cannot use keys.cache_file: going without", { err: error });
    }
  }

  async #saveCache(ring: RingDocument): Promise<void> {
    this.#cachedAt = this.#confirmedAt;
    try {
      await this.#options.cacheFile?.save(ring);
    } catch (error) {
      this.#options.log.warn("cannot write keys.cache_file", { err: error });
    }
  }

  /** Does a round of work. Trouble is logged when it begins and when it ends, not in every round. */
  async #attempt(work: () => Promise<void>, unreadable: "rethrow" | "report" = "report"): Promise<void> {
    try {
      await this.#inTurn(work);
      if (this.#trouble !== undefined) this.#options.log.info("the key ring is followed again");
      this.#trouble = undefined;
    } catch (error) {
      if (unreadable === "rethrow" && !(error instanceof OAuthError)) throw unreadableRing(error);
      const trouble = error instanceof Error ? error.message : String(error);
      if (trouble !== this.#trouble)
        this.#options.log.warn("cannot follow the key ring: going on as it is", { err: error });
      this.#trouble = trouble;
    }
  }
}

function unreadableRing(cause: unknown): SealError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SealError(`The shared key ring cannot be opened, and is left as it is. ${reason}`, { cause });
}
