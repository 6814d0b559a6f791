/**
 * A bounded cache of tokens whose signature is good. It keeps nothing else: expiry, revocation, client and settings
 * are read at every use. A catalog's own token comes with each of its users' exchanges, and its verification is half
 * the CPU of an exchange (docs/performance.md).
 */
import type { AccessToken } from "../oauth/access-token.js";

/** At most this many tokens of at most 8 KiB: 16 MiB in the worst case, 2 MiB in practice. */
const CAPACITY = 2048;

/** The end of a token is as good as unique among good tokens: it holds 126 bits of the signature at least. */
const END_CHARACTERS = 22;

export interface SignatureCache {
  get(token: string): AccessToken | undefined;
  put(token: string, parsed: AccessToken): void;
}

/** Forgets the older half of the tokens when it is full: a hit needs no bookkeeping. */
export function createSignatureCache(capacity = CAPACITY): SignatureCache {
  // The key is the end of the token: a whole token would be hashed at each look-up.
  let young = new Map<string, Entry>();
  let old = new Map<string, Entry>();

  return {
    get(token) {
      const end = token.slice(-END_CHARACTERS);
      const entry = young.get(end) ?? old.get(end);
      // A forged token can have the end of a good one.
      return entry?.token === token ? entry.parsed : undefined;
    },
    put(token, parsed) {
      if (young.size >= capacity / 2) {
        old = young;
        young = new Map();
      }
      const kept = detached(token);
      young.set(kept.slice(-END_CHARACTERS), { token: kept, parsed });
    },
  };
}

interface Entry {
  readonly token: string;
  readonly parsed: AccessToken;
}

/** A copy of the string. A slice of the request that it came in would keep the whole request in memory. */
function detached(token: string): string {
  return Buffer.from(token, "latin1").toString("latin1");
}
