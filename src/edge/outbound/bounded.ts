/** A map of bounded size. The entry that was longest not read or set makes room. */
export class Bounded<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #max: number;
  readonly #onOut: (value: V) => void;

  constructor(max: number, onOut: (value: V) => void = () => {}) {
    this.#max = max;
    this.#onOut = onOut;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const [oldest] = this.#entries;
    if (this.#entries.size <= this.#max || oldest === undefined) return;
    this.#entries.delete(oldest[0]);
    this.#onOut(oldest[1]);
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.#entries[Symbol.iterator]();
  }
}
