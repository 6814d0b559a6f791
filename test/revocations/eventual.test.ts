import { describe, expect, test } from "vitest";
import type { Revocation } from "../../src/oauth/revocation.js";
import { createEventualRevocation } from "../../src/revocations/eventual.js";

const revocation: Revocation = { kind: "session", sessionId: "s".repeat(22), expiresAt: 2_000_000_000_000 };

function setUp(failures: number) {
  const stopped = new AbortController();
  const delays: number[] = [];
  const stored: Revocation[] = [];
  let reported = 0;
  let left = failures;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const revoke = createEventualRevocation({
    log: {
      async publish(published) {
        if (left-- > 0) throw new Error("away");
        stored.push(published);
        resolve();
        return published;
      },
    },
    delay: async (ms) => {
      delays.push(ms);
      if (delays.length === 50) {
        stopped.abort();
        resolve();
      }
    },
    signal: stopped.signal,
    onFailure: () => reported++,
  });
  return { revoke, done, delays, stored, reported: () => reported };
}

describe("a revocation that nobody waits for", () => {
  test("is published until it is stored, less and less often, each failure reported", async () => {
    const { revoke, done, delays, stored, reported } = setUp(8);
    revoke(revocation, "etl");
    await done;
    expect(stored).toEqual([revocation]);
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(reported()).toBe(8);
  });

  test("is given up when the server stops", async () => {
    const { revoke, done, delays, stored } = setUp(Infinity);
    revoke(revocation, "etl");
    await done;
    expect([stored.length, delays.length]).toEqual([0, 50]);
  });
});
