/** Two rings as one: keys from elsewhere sign, on top of the shared ring, which has the MAC key and what signed before. */
import type { KeyOperations } from "./key-operations.js";
import type { KeyRing } from "./key-ring.js";

/**
 * Layers `top` over `base`. Only `top` signs. `base` keeps its keys in the JWK Set while their tokens live: a move from
 * keys made here to keys from files ends no session.
 */
export function layerKeyRings(top: KeyRing & KeyOperations, base: KeyRing & KeyOperations): KeyRing & KeyOperations {
  const ownerOf = (kid: string): KeyRing & KeyOperations => (top.find(kid) === undefined ? base : top);
  return {
    signer: () => top.signer(),
    find: (kid) => top.find(kid) ?? base.find(kid),
    stateOf: (kid) => ownerOf(kid).stateOf(kid),
    published() {
      const { keys, maxAgeSeconds } = top.published();
      const older = base.published().keys.filter(({ kid }) => top.find(kid) === undefined);
      return { keys: [...keys, ...older], maxAgeSeconds };
    },
    macKey: () => base.macKey(),
    list: () => [...base.list().filter(({ kid }) => top.find(kid) === undefined), ...top.list()],
    rotate: () => top.rotate(),
    revoke: (kid) => ownerOf(kid).revoke(kid),
  };
}
