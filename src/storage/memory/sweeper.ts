const STEP = 8;

/**
 * Removes dead entries from a map, a few at each call: no call takes long, and no timer is needed. Called once for each
 * insertion, it keeps the dead to a fraction of the living.
 */
export function createSweeper<K, V>(map: Map<K, V>, isDead: (value: V) => boolean): () => void {
  let position = map.entries();
  return () => {
    for (let step = 0; step < STEP; step += 1) {
      const { done, value } = position.next();
      if (done === true) {
        position = map.entries();
        return;
      }
      if (isDead(value[1])) map.delete(value[0]);
    }
  };
}
