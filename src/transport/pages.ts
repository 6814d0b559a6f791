const PAGE_BYTES = 8 * 1024;
const PAGES_A_SLAB = 128;

/**
 * Memory for bodies that come in pieces: pages of a few large blocks, used again and again. Buffers of their own would be
 * garbage that V8 keeps for long, as it does not see their size, and that leaves holes in the process's memory.
 */
export class Pages {
  /** Pages that no body uses. */
  #free: Buffer[] = [];
  /** Made so far: as many as were in use at one time. */
  #pages = 0;

  /** The memory of all blocks. */
  get bytes(): number {
    return this.#pages * PAGE_BYTES;
  }

  take(): Buffer {
    const page = this.#free.pop();
    if (page !== undefined) return page;
    const slab = Buffer.allocUnsafeSlow(PAGE_BYTES * PAGES_A_SLAB);
    this.#pages += PAGES_A_SLAB;
    for (let at = 1; at < PAGES_A_SLAB; at++) this.#free.push(slab.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES));
    return slab.subarray(0, PAGE_BYTES);
  }

  giveBack(pages: readonly Buffer[]): void {
    for (const page of pages) this.#free.push(page);
  }

  /** Gives up all blocks if none is in use. */
  letGo(): void {
    if (this.#free.length < this.#pages) return;
    this.#free = [];
    this.#pages = 0;
  }
}

/** A body in pages, as far as it has come. */
export class PagedBody {
  readonly #pages: Pages;
  readonly #mine: Buffer[] = [];
  #size = 0;

  constructor(pages: Pages) {
    this.#pages = pages;
  }

  /** Adds a piece; returns how many bytes of pages it took. */
  add(piece: Buffer): number {
    let taken = 0;
    for (let at = 0; at < piece.length;) {
      const used = this.#size % PAGE_BYTES;
      if (used === 0) {
        this.#mine.push(this.#pages.take());
        taken += PAGE_BYTES;
      }
      const copied = piece.copy(this.#mine.at(-1) ?? piece, used, at, Math.min(piece.length, at + PAGE_BYTES - used));
      at += copied;
      this.#size += copied;
    }
    return taken;
  }

  /** All of it, in a buffer of its own. */
  whole(): Buffer {
    return Buffer.concat(this.#mine, this.#size);
  }

  /** Gives its pages back. */
  drop(): void {
    this.#pages.giveBack(this.#mine.splice(0));
    this.#size = 0;
  }
}
