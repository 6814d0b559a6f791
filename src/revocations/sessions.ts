/**
 * The set of revoked sessions, in typed arrays: 24 bytes a slot and no object for each. A million cost some 50 MB, and
 * the garbage collector does not visit them. Shards keep the pause short when an array grows.
 */
import { randomInt } from "node:crypto";
import { SECOND, toSeconds } from "../time/clock.js";

/** A session id is 16 bytes in base64url. */
const ID_LENGTH = 22;
const SHARDS = 64;
const MIN_CAPACITY = 512;
/** Words of a slot: four of the id, the second in which the entry ends (0: the slot is free), the pass that saw it. */
const STRIDE = 6;
const ENDS = 4;
const PASS = 5;

/** The last second that a slot can hold, in 2106. A later one would wrap and end a revocation that is in force. */
const LAST_SECOND = 0xffffffff;

const SIXTY_FOUR = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const NO_DIGIT = 255;
const DIGITS = new Uint8Array(128).fill(NO_DIGIT);
for (let digit = 0; digit < 64; digit += 1) DIGITS[SIXTY_FOUR.charCodeAt(digit)] = digit;

export interface RevokedSession {
  readonly sessionId: string;
  readonly expiresAt: number;
}

/** Linear probing. No entry ever moves inside an array: an iterator can read it lazily. */
interface Shard {
  slots: Uint32Array;
  /** The number of slots that are not free. It counts entries that are over. */
  used: number;
}

/** An id that is not 16 bytes in canonical base64url is kept as a string. */
export class RevokedSessions {
  readonly #shards: Shard[] = [];
  readonly #oddIds = new Map<string, { expiresAt: number; pass: number }>();
  /** Secret: nobody can choose ids with equal hashes. */
  readonly #seed = randomInt(2 ** 32);
  /** The id that was decoded last. */
  readonly #words = new Uint32Array(4);
  #pass = 0;
  #nextToSweep = 0;

  constructor() {
    for (let shard = 0; shard < SHARDS; shard += 1) this.#shards.push({ slots: emptySlots(MIN_CAPACITY), used: 0 });
  }

  /** The number of entries, with those that are over but not swept yet. */
  get size(): number {
    return this.#shards.reduce((sum, { used }) => sum + used, this.#oddIds.size);
  }

  /** The end of the session's revocation, or 0. */
  expiryOf(sessionId: string): number {
    if (!this.#decode(sessionId)) return this.#oddIds.get(sessionId)?.expiresAt ?? 0;
    const hash = this.#hash();
    const { slots } = this.#shardOf(hash);
    return (slots[this.#find(slots, hash, 0) + ENDS] ?? 0) * SECOND;
  }

  /** Whether the set changed: the session was not in it, or not for as long. */
  add({ sessionId, expiresAt }: RevokedSession, now: number): boolean {
    if (!this.#decode(sessionId)) return this.#addOdd(sessionId, expiresAt);
    const nowSeconds = toSeconds(now);
    const endSeconds = Math.min(Math.ceil(expiresAt / SECOND), LAST_SECOND);
    const hash = this.#hash();
    const shard = this.#shardOf(hash);
    let at = this.#find(shard.slots, hash, nowSeconds);
    const present = isId(shard.slots, at, this.#words) ? (shard.slots[at + ENDS] ?? 0) : 0;
    if (present === 0 && shard.slots[at + ENDS] === 0) {
      if ((shard.used + 1) * STRIDE > shard.slots.length * 0.75) {
        rebuild(shard, nowSeconds, this.#seed);
        at = this.#find(shard.slots, hash, nowSeconds);
      }
      shard.used += 1;
    }
    for (let word = 0; word < 4; word += 1) shard.slots[at + word] = this.#words[word] ?? 0;
    shard.slots[at + ENDS] = Math.max(present, endSeconds);
    shard.slots[at + PASS] = this.#pass;
    return endSeconds > present;
  }

  /** Starts a pass. Only entries that are added again after this count as seen. */
  beginPass(): void {
    this.#pass = (this.#pass + 1) >>> 0;
  }

  /** The entries in force, lazily. One that is added during the iteration may or may not appear. */
  *inForce(now: number, only: "all" | "unseen" = "all"): Generator<RevokedSession> {
    for (const [sessionId, { expiresAt, pass }] of this.#oddIds) {
      if (expiresAt > now && (only === "all" || pass !== this.#pass)) yield { sessionId, expiresAt };
    }
    for (const shard of this.#shards) {
      const { slots } = shard; // a rebuild makes a new array; this one stays as it is
      for (let at = 0; at < slots.length; at += STRIDE) {
        const expiresAt = (slots[at + ENDS] ?? 0) * SECOND;
        if (expiresAt > now && (only === "all" || slots[at + PASS] !== this.#pass)) {
          yield { sessionId: encodeId(slots, at), expiresAt };
        }
      }
    }
  }

  /** Frees entries that are over, in one shard at each call. */
  sweep(now: number): void {
    const nowSeconds = toSeconds(now);
    const shard = this.#shards[this.#nextToSweep];
    this.#nextToSweep = (this.#nextToSweep + 1) % SHARDS;
    if (shard !== undefined && countInForce(shard.slots, nowSeconds) < shard.used / 2)
      rebuild(shard, nowSeconds, this.#seed);
    for (const [sessionId, { expiresAt }] of this.#oddIds) if (expiresAt <= now) this.#oddIds.delete(sessionId);
  }

  #addOdd(sessionId: string, expiresAt: number): boolean {
    const present = this.#oddIds.get(sessionId)?.expiresAt ?? 0;
    this.#oddIds.set(sessionId, { expiresAt: Math.max(present, expiresAt), pass: this.#pass });
    return expiresAt > present;
  }

  /** Decodes an id into `#words`. False if it is not canonical. `Buffer.from` takes four times as long as the table. */
  #decode(sessionId: string): boolean {
    if (sessionId.length !== ID_LENGTH) return false;
    const words = this.#words;
    let bits = 0;
    let held = 0;
    let word = 0;
    for (let position = 0; position < ID_LENGTH; position += 1) {
      const digit = DIGITS[sessionId.charCodeAt(position)] ?? NO_DIGIT;
      if (digit === NO_DIGIT) return false;
      held += 6;
      if (held < 32) {
        bits = (bits << 6) | digit;
      } else {
        held -= 32;
        words[word] = (bits << (6 - held)) | (digit >>> held);
        word += 1;
        bits = digit & ((1 << held) - 1);
      }
    }
    return bits === 0; // the last digit's four spare bits
  }

  #hash(): number {
    return hashOf(this.#words, 0, this.#seed);
  }

  #shardOf(hash: number): Shard {
    const shard = this.#shards[hash % SHARDS];
    if (shard === undefined) throw new RangeError("no such shard");
    return shard;
  }

  /** The slot of the decoded id. If there is none, a slot for it: free, or with an entry that was over at `overAt`. */
  #find(slots: Uint32Array, hash: number, overAt: number): number {
    let over = -1;
    for (let at = firstSlot(slots, hash); ; at = nextSlot(slots, at)) {
      const expiresAt = slots[at + ENDS] ?? 0;
      if (expiresAt === 0) return over === -1 ? at : over;
      if (isId(slots, at, this.#words)) return at;
      if (over === -1 && expiresAt <= overAt) over = at;
    }
  }
}

function emptySlots(capacity: number): Uint32Array {
  return new Uint32Array(capacity * STRIDE);
}

function hashOf(words: Uint32Array, at: number, seed: number): number {
  let hash = seed;
  for (let word = at; word < at + 4; word += 1) {
    hash = Math.imul(hash ^ (words[word] ?? 0), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

/** Drops the low bits: they chose the shard. */
function firstSlot(slots: Uint32Array, hash: number): number {
  return (Math.floor(hash / SHARDS) % (slots.length / STRIDE)) * STRIDE;
}

function nextSlot(slots: Uint32Array, at: number): number {
  const next = at + STRIDE;
  return next === slots.length ? 0 : next;
}

function isId(slots: Uint32Array, at: number, words: Uint32Array): boolean {
  return (
    slots[at] === words[0] && slots[at + 1] === words[1] && slots[at + 2] === words[2] && slots[at + 3] === words[3]
  );
}

function countInForce(slots: Uint32Array, nowSeconds: number): number {
  let count = 0;
  for (let at = ENDS; at < slots.length; at += STRIDE) if ((slots[at] ?? 0) > nowSeconds) count += 1;
  return count;
}

/** Copies the entries in force to an array of the right size. */
function rebuild(shard: Shard, nowSeconds: number, seed: number): void {
  const { slots: old } = shard;
  const inForce = countInForce(old, nowSeconds);
  let capacity = MIN_CAPACITY;
  while (inForce + 1 > capacity * 0.5) capacity *= 2;
  const slots = emptySlots(capacity);
  for (let from = 0; from < old.length; from += STRIDE) {
    if ((old[from + ENDS] ?? 0) <= nowSeconds) continue;
    let at = firstSlot(slots, hashOf(old, from, seed));
    while (slots[at + ENDS] !== 0) at = nextSlot(slots, at);
    for (let word = 0; word < STRIDE; word += 1) slots[at + word] = old[from + word] ?? 0;
  }
  shard.slots = slots;
  shard.used = inForce;
}

function encodeId(slots: Uint32Array, at: number): string {
  const bytes = Buffer.allocUnsafe(16);
  for (let word = 0; word < 4; word += 1) bytes.writeUInt32BE(slots[at + word] ?? 0, word * 4);
  return bytes.toString("base64url");
}
