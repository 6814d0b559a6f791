import { beforeEach, describe, expect, test, vi } from "vitest";
import { type Eventually, andThen, attempt } from "../../src/oauth/eventually.js";

const fail = (): never => {
  throw new Error("broken");
};
const recover = (thrown: unknown, subject: string) => `${subject} recovered from ${String(thrown)}`;

describe("a value that comes at once or later", () => {
  test("is gone on with at once if it is there", () => {
    expect(andThen(1, (one) => one + 1)).toBe(2);
  });

  test("is gone on with later if it is not", async () => {
    const two = andThen(Promise.resolve(1), (one) => one + 1);
    expect(two).toBeInstanceOf(Promise);
    expect(await two).toBe(2);
  });

  test("is gone on with together with the subject", async () => {
    const add = (one: number, subject: number) => one + subject;
    expect(andThen(1, add, 2)).toBe(3);
    expect(await andThen(Promise.resolve(1), add, 2)).toBe(3);
  });
});

describe("work", () => {
  const lastly = vi.fn<(subject: string) => void>();
  beforeEach(() => lastly.mockClear());

  test("that answers at once has ended when it returns", () => {
    expect(attempt({ work: (subject) => `${subject} done`, recover, lastly }, "it")).toBe("it done");
    expect(lastly.mock.calls).toEqual([["it"]]);
  });

  test("that fails at once is recovered from at once", () => {
    expect(attempt({ work: fail, recover, lastly }, "it")).toBe("it recovered from Error: broken");
    expect(lastly.mock.calls).toEqual([["it"]]);
  });

  test.each<[string, (subject: string) => Eventually<string>, string]>([
    ["answers", (subject) => Promise.resolve(`${subject} done`), "it done"],
    ["fails", () => Promise.resolve().then(fail), "it recovered from Error: broken"],
  ])("that %s later has ended only then", async (_how, work, outcome) => {
    const value = attempt({ work, recover, lastly }, "it");
    expect(lastly).not.toHaveBeenCalled();
    expect(await value).toBe(outcome);
    expect(lastly.mock.calls).toEqual([["it"]]);
  });

  test("whose recovery fails has ended all the same, once", async () => {
    expect(() => attempt({ work: fail, recover: fail, lastly }, "it")).toThrow("broken");
    const later = { work: () => Promise.resolve().then(fail), recover: fail, lastly };
    await expect(attempt(later, "it")).rejects.toThrow("broken");
    expect(lastly).toHaveBeenCalledTimes(2);
  });
});
