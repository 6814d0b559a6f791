/** What is opened while starting, to be closed in the opposite order: at the end, or at once if the start fails. */
export class Teardown {
  readonly #steps: (() => void | Promise<void>)[] = [];

  /** Adds a step; the last one added runs first. */
  defer(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** Adds the closing of a resource, and hands it back. */
  use<T>(resource: T, close: (resource: T) => void | Promise<void>): T {
    this.defer(() => close(resource));
    return resource;
  }

  /** Runs all steps once; the failure of one keeps none from running. Rejects with the first failure. */
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
