/**
 * Remembers that a signature was good, and nothing else: expiry, revocation, client and settings are read at every use.
 * A catalog's own token comes with each of its users' exchanges, and verifying costs more than all the rest of one.
 */
import type { AccessToken } from "../oauth/access-token.js";

/** At most this many tokens of at most 8 KiB: 16 MiB in the worst case, 2 MiB in practice. */
const CAPACITY = 2048;

/** A bounded memory of tokens whose signature was found good. */
export interface SignatureVerdicts {
  get(token: string): AccessToken | undefined;
  put(token: string, parsed: AccessToken): void;
}

/** Makes the memory. The oldest half is forgotten when it is full: no bookkeeping on a hit. */
export function createSignatureVerdicts(capacity = CAPACITY): SignatureVerdicts {
  let young = new Map<string, AccessToken>();
  let old = new Map<string, AccessToken>();
  return {
    get(token) {
      return young.get(token) ?? old.get(token);
    },
    put(token, parsed) {
      if (young.size >= capacity / 2) {
        old = young;
        young = new Map();
      }
      young.set(token, parsed);
    },
  };
}
