/** Brings a replica's ring and the store's together: neither loses a key. Opens and seals. Holds no timer. */
import { stateUnavailable } from "../oauth/error.js";
import type { Clock } from "../time/clock.js";
import type { KeyRingStore, SealedRing } from "../storage/key-ring-store.js";
import type { RingChange } from "./ring-changes.js";
import { emptyRing, nextVersion } from "./ring-changes.js";
import { readRing, writeRing, type RingDocument } from "./ring-document.js";
import { mergeRings } from "./ring-merge.js";
import type { RotationRule } from "./rotation.js";
import { SealError, type Sealing } from "./sealing.js";

/** Racing replicas are few and each race has a winner: a handful of tries is plenty. */
const MAX_TRIES = 8;

export interface RingExchangeOptions {
  readonly store: KeyRingStore;
  readonly sealing: Sealing;
  readonly rule: RotationRule;
  readonly clock: Clock;
}

/** A stored ring, opened. */
interface StoredRing {
  readonly raw: SealedRing;
  readonly ring: RingDocument;
}

/**
 * Both methods throw `temporarily_unavailable` when the store is away, and `SealError` when the stored ring cannot be
 * opened here. Such a ring stays as it is: another replica may well open it.
 */
export class RingExchange {
  readonly #options: RingExchangeOptions;
  #seen: StoredRing | undefined;

  constructor(options: RingExchangeOptions) {
    this.#options = options;
  }

  /**
   * The ring from now on: the store's, after the keys that only `local` has were written back. Undefined if neither
   * side has one. `localIsStale`: the replica was cut off so long that keys may have been revoked and forgotten since.
   * Then the keys that only it has must not come back.
   */
  async follow(local: RingDocument | undefined, localIsStale = false): Promise<RingDocument | undefined> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const stored = await this.#read();
      const merged = this.#merge(local, stored?.ring, localIsStale);
      if (merged === stored?.ring || merged === undefined) return merged;
      if (await this.#replace(stored, merged)) return merged;
    }
    throw stateUnavailable(new Error("other replicas keep replacing the key ring"));
  }

  /** Changes the ring that holds. With a `fence`, does nothing if that is not the newest any more. */
  async change(local: RingDocument | undefined, change: RingChange, fence?: number): Promise<RingDocument> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const present = (await this.follow(local)) ?? emptyRing();
      const next = await change(present, this.#options.rule, this.#options.clock());
      if (next === present || (await this.#replace(this.#seen, next, fence))) return next;
      if (fence !== undefined) return present;
    }
    throw stateUnavailable(new Error("other replicas keep replacing the key ring"));
  }

  /** A ring that an older sealing key sealed is sealed again: that counts as a change. */
  readonly sealAnew: RingChange = async (ring) => {
    const fresh = this.#seen === undefined || this.#options.sealing.isFresh(this.#seen.raw.sealed);
    return fresh ? ring : nextVersion(ring, ring.keys);
  };

  #merge(
    local: RingDocument | undefined,
    stored: RingDocument | undefined,
    localIsStale: boolean,
  ): RingDocument | undefined {
    if (local === undefined || stored === undefined) return stored ?? local;
    if (localIsStale && stored.version > local.version) return stored;
    return mergeRings(local, stored, this.#options.clock());
  }

  async #read(): Promise<StoredRing | undefined> {
    const raw = await this.#options.store.read();
    if (raw?.version !== this.#seen?.raw.version || raw?.sealed !== this.#seen?.raw.sealed) {
      this.#seen = raw && { raw, ring: this.#open(raw) };
    }
    return this.#seen;
  }

  #open(raw: SealedRing): RingDocument {
    const ring = readRing(this.#options.sealing.open(raw.sealed));
    if (ring.version !== raw.version) throw new SealError("It does not have the version that the store says.");
    return ring;
  }

  async #replace(stored: StoredRing | undefined, ring: RingDocument, fence?: number): Promise<boolean> {
    const raw = { version: ring.version, sealed: this.#options.sealing.seal(writeRing(ring)) };
    const replaced = await this.#options.store.replace(stored?.raw.version ?? 0, raw, fence);
    if (replaced) this.#seen = { raw, ring };
    return replaced;
  }
}
