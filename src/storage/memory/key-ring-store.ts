import type { KeyRingStore, SealedRing } from "../key-ring-store.js";
import type { MemoryLease } from "./lease.js";

/** The ring in this process. No other replica can replace it, so watching never reports anything. */
export function createMemoryKeyRingStore({ lease }: { lease: MemoryLease }): KeyRingStore {
  let ring: SealedRing | undefined;
  return {
    async read() {
      return ring;
    },
    async replace(expected, next, fence) {
      if ((ring?.version ?? 0) !== expected) return false;
      if (fence !== undefined && fence !== lease.newestFence()) return false;
      ring = next;
      return true;
    },
    watch() {},
  };
}
