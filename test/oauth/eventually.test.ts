import { describe, expect, test, vi } from "vitest";
import { type Eventually, andThen, attempt } from "../../src/oauth/eventually.js";

const fail = (): never => {
  throw new Error("broken");
};
const recover = (thrown: unknown) => `recovered from ${String(thrown)}`;

describe("a value that comes at once or later", () => {
  test("is gone on with at once if it is there", () => {
    expect(andThen(1, (one) => one + 1)).toBe(2);
  });

  test("is gone on with later if it is not", async () => {
    const two = andThen(Promise.resolve(1), (one) => one + 1);
    expect(two).toBeInstanceOf(Promise);
    expect(await two).toBe(2);
  });
});

describe("work", () => {
  test("that answers at once has ended when it returns", () => {
    const lastly = vi.fn<() => void>();
    expect(attempt(() => "done", recover, lastly)).toBe("done");
    expect(lastly).toHaveBeenCalledTimes(1);
  });

  test("that fails at once is recovered from at once", () => {
    const lastly = vi.fn<() => void>();
    expect(attempt<string>(fail, recover, lastly)).toBe("recovered from Error: broken");
    expect(lastly).toHaveBeenCalledTimes(1);
  });

  test.each<[string, () => Eventually<string>, string]>([
    ["answers", () => Promise.resolve("done"), "done"],
    ["fails", () => Promise.resolve().then(fail), "recovered from Error: broken"],
  ])("that %s later has ended only then", async (_how, work, outcome) => {
    const lastly = vi.fn<() => void>();
    const value = attempt(work, recover, lastly);
    expect(lastly).not.toHaveBeenCalled();
    expect(await value).toBe(outcome);
    expect(lastly).toHaveBeenCalledTimes(1);
  });

  test("whose recovery fails has ended all the same, once", async () => {
    const lastly = vi.fn<() => void>();
    expect(() => attempt<string>(fail, fail, lastly)).toThrow("broken");
    await expect(attempt<string>(() => Promise.resolve().then(fail), fail, lastly)).rejects.toThrow("broken");
    expect(lastly).toHaveBeenCalledTimes(2);
  });
});
