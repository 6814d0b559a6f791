import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSlowHashQueue } from "../../src/clients/slow-hash-queue.js";

/** Work that ends when it is told to. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { run: () => promise, resolve, reject };
}

describe("the queue of slow hashes", () => {
  test("runs two at once and lets sixteen wait; one more is told to come back in a second", async () => {
    const queue = createSlowHashQueue();
    const jobs = Array.from({ length: 18 }, work);
    let started = 0;
    const all = jobs.map((job) => queue.run(() => (started++, job.run())));
    await setImmediate();
    expect(started).toBe(2);
    await expect(queue.run(() => Promise.resolve("never"))).rejects.toMatchObject({
      code: "temporarily_unavailable",
      reason: "OVERLOADED",
      retryAfterSeconds: 1,
    });
    jobs[0]?.resolve("done");
    await all[0];
    await setImmediate();
    expect(started).toBe(3);
    for (const job of jobs) job.resolve("done");
    expect(await Promise.all(all)).toHaveLength(18);
  });

  test("gives the place of work that fails to the next", async () => {
    const queue = createSlowHashQueue({ atOnce: 1, waitingAtMost: 1 });
    const broken = work();
    const first = queue.run(broken.run);
    const second = queue.run(() => Promise.resolve("second"));
    broken.reject(new Error("broken"));
    await expect(first).rejects.toThrow("broken");
    expect(await second).toBe("second");
    expect(await queue.run(() => Promise.resolve("third"))).toBe("third");
  });

  test("never runs more at once than it may, and ends everything that it takes, in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 30 }),
        fc.integer({ min: 1, max: 3 }),
        async (turns, atOnce) => {
          const queue = createSlowHashQueue({ atOnce, waitingAtMost: 100 });
          let running = 0;
          const started: number[] = [];
          await Promise.all(
            turns.map((count, index) =>
              queue.run(async () => {
                started.push(index);
                expect(++running).toBeLessThanOrEqual(atOnce);
                for (let i = 0; i < count; i++) await Promise.resolve();
                running--;
              }),
            ),
          );
          expect(started).toEqual(turns.map((_, index) => index));
        },
      ),
    );
  });
});
