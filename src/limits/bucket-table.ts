import type { Bucket } from "./gcra.js";

/** Buckets by key, bounded in number. */
export interface BucketTable {
  get(key: string): Bucket;
  /** Keeps a bucket that will be full again at `fullAt` (milliseconds). */
  set(key: string, fullAt: number): void;
}

/**
 * Makes a table of at most `maxKeys` buckets, about 200 bytes each. A bucket more pushes out the one that is full again
 * the soonest: it says the least. So a flood of ids or addresses pushes out itself, and frees no guesser. Buckets that
 * are full again within the same `stepMs` count as alike: the one charged the longest ago goes.
 */
export function createBucketTable({ maxKeys, stepMs }: { maxKeys: number; stepMs: number }): BucketTable {
  const buckets = new Map<string, number>();
  /** Keys by the step in which their buckets are full again, in the order of their last charge. */
  const shelves = new Map<number, Set<string>>();
  let lowest = Infinity;

  const stepOf = (fullAt: number): number => Math.ceil(fullAt / stepMs);

  function remove(key: string, fullAt: number): void {
    buckets.delete(key);
    const step = stepOf(fullAt);
    const shelf = shelves.get(step);
    shelf?.delete(key);
    if (shelf?.size === 0) shelves.delete(step);
  }

  function evict(): void {
    if (!shelves.has(lowest)) lowest = Math.min(...shelves.keys());
    for (const key of shelves.get(lowest) ?? []) {
      remove(key, buckets.get(key) ?? 0);
      return;
    }
  }

  return {
    get: (key) => buckets.get(key),
    set(key, fullAt) {
      const former = buckets.get(key);
      if (former !== undefined) remove(key, former);
      else if (buckets.size >= maxKeys) evict();
      buckets.set(key, fullAt);
      const step = stepOf(fullAt);
      const shelf = shelves.get(step);
      if (shelf === undefined) shelves.set(step, new Set([key]));
      else shelf.add(key);
      lowest = Math.min(lowest, step);
    },
  };
}
