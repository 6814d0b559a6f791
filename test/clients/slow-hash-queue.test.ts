import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OAuthError } from "../../src/oauth/error.js";
import { createSlowHashQueue } from "../../src/clients/slow-hash-queue.js";

/** Work that ends when it is told to. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { run: () => promise, resolve, reject };
}

describe("the queue of slow hashes", () => {
  // SECURITY.md: "Everything is bounded".
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

  const from = (address: string, isNoisy = false) => ({ address, isNoisy });
  const outcome = (running: Promise<string>) =>
    running.then(
      (value) => value,
      (error: unknown) => (error instanceof OAuthError ? error.reason : "other"),
    );

  test("refuses the newest of the address that has the most waiting, so that a flood crowds out itself", async () => {
    const queue = createSlowHashQueue({ atOnce: 1, waitingAtMost: 3 });
    const first = work();
    const running = queue.run(first.run, from("flood"));
    const flood = Array.from({ length: 5 }, (_, at) =>
      outcome(queue.run(() => Promise.resolve(`flood ${at}`), from("flood"))),
    );
    const others = ["a", "b"].map((address) => outcome(queue.run(() => Promise.resolve(address), from(address))));
    first.resolve("first");
    expect(await running).toBe("first");
    expect(await Promise.all(flood)).toEqual(["flood 0", "OVERLOADED", "OVERLOADED", "OVERLOADED", "OVERLOADED"]);
    expect(await Promise.all(others)).toEqual(["a", "b"]);
  });

  test("never gives all places to addresses with too many failures", async () => {
    const queue = createSlowHashQueue();
    const noisy = [work(), work()];
    let noisyStarted = 0;
    const all = noisy.map((job) => queue.run(() => (noisyStarted++, job.run()), from("noisy", true)));
    expect(await queue.run(() => Promise.resolve("quiet"), from("quiet"))).toBe("quiet");
    expect(noisyStarted).toBe(1);
    noisy[0]?.resolve("done");
    await all[0];
    await setImmediate();
    expect(noisyStarted).toBe(2);
    noisy[1]?.resolve("done");
    expect(await Promise.all(all)).toEqual(["done", "done"]);
    expect(await queue.run(() => Promise.resolve("noisy"), from("noisy", true))).toBe("noisy");
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
