/**
 * Owns the order in which a server closes what it opened: last opened, first closed. It runs at the end, or as soon as
 * a start fails. It must not know what its steps close.
 */
export class Teardown {
  readonly #steps: (() => void | Promise<void>)[] = [];

  /** The last step added runs first. */
  defer(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** Adds the closing of a resource, and returns the resource. */
  use<T>(resource: T, close: (resource: T) => void | Promise<void>): T {
    this.defer(() => close(resource));
    return resource;
  }

  /** Runs each step once. All steps run even if one fails. Rejects with the first failure. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
