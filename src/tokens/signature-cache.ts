/**
 * Remembers that a signature was good, and nothing else: expiry, revocation, client and settings are read at every use.
 * A catalog's own token comes with each of its users' exchanges, and verifying costs more than all the rest of one. Most
 * tokens, though, come for one refresh and never again: keeping those would cost more than it saves.
 */
import type { AccessToken } from "../oauth/access-token.js";

/** At most this many tokens of at most 8 KiB: 16 MiB in the worst case, 2 MiB in practice. */
const CAPACITY = 2048;

interface Entry {
  readonly token: string;
  readonly parsed: AccessToken;
}

/** As good as unique among good tokens: 126 bits of the signature at least. Forged ones can have any end. */
const END_CHARACTERS = 22;

/** A bounded memory of tokens whose signature was found good. */
export interface SignatureCache {
  get(token: string): AccessToken | undefined;
  /** Keeps it until the next token at least; from the second time on, for as long as there is room. */
  put(token: string, parsed: AccessToken): void;
}

/** Makes the memory. The oldest half is forgotten when it is full: no bookkeeping on a hit. */
export function createSignatureCache(capacity = CAPACITY): SignatureCache {
  let last: Entry | undefined;
  // By the end of the token: the whole would be hashed at each look-up.
  let young = new Map<string, Entry>();
  let old = new Map<string, Entry>();
  /** Marks of tokens that were seen once. Two that collide are kept a little early or late, no more. */
  const seen = new Int32Array(capacity);

  function isSecondTime(token: string): boolean {
    const mark = markOf(token);
    const slot = (mark >>> 0) % capacity;
    if (seen[slot] === mark) return true;
    seen[slot] = mark;
    return false;
  }

  return {
    get(token) {
      if (last?.token === token) return last.parsed;
      const end = token.slice(-END_CHARACTERS);
      const entry = young.get(end) ?? old.get(end);
      return entry?.token === token ? entry.parsed : undefined;
    },
    put(token, parsed) {
      last = { token, parsed };
      if (!isSecondTime(token)) return;
      if (young.size >= capacity / 2) {
        old = young;
        young = new Map();
      }
      const kept = detached(token);
      young.set(kept.slice(-END_CHARACTERS), { token: kept, parsed });
    },
  };
}

const MARK_CHARACTERS = 10;

/** A number for the end of the signature. */
function markOf(token: string): number {
  let mark = 17;
  for (let at = Math.max(0, token.length - MARK_CHARACTERS); at < token.length; at++) {
    mark = (Math.imul(mark, 31) + token.charCodeAt(at)) | 0;
  }
  return mark;
}

/** The same text on its own: as a part of the request that it was cut from, it would keep the whole of that. */
function detached(token: string): string {
  return Buffer.from(token, "latin1").toString("latin1");
}
