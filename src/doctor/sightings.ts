/** Faults that were seen: each once, with its first evidence. */

/** A fault that was seen. */
export interface Sighting {
  readonly id: string;
  /** As it was seen, not yet cleaned of secrets. */
  readonly evidence: string;
  /** Only these clients. Absent: all clients whose expectations name it. */
  readonly clients?: readonly string[];
}

export class Sightings {
  readonly #byId = new Map<string, Sighting>();

  /** Keeps the first evidence; clients of a repeated fault are joined. */
  add(id: string, evidence: string, clients?: readonly string[]): void {
    const before = this.#byId.get(id);
    if (before === undefined) {
      this.#byId.set(id, { id, evidence, ...(clients === undefined ? {} : { clients }) });
    } else if (before.clients !== undefined && clients !== undefined) {
      this.#byId.set(id, { ...before, clients: [...new Set([...before.clients, ...clients])] });
    }
  }

  /** Takes back what another fault explains. */
  withdraw(ids: readonly string[]): void {
    for (const id of ids) this.#byId.delete(id);
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  get all(): readonly Sighting[] {
    return [...this.#byId.values()];
  }
}
