import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchFiles } from "../../src/files/watch.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Watches a file whose contents are told; `see` lets one look pass over them. */
function watching(readContents: () => Promise<void> = async () => {}) {
  const stop = new AbortController();
  const onChange = vi.fn<() => Promise<void>>(readContents);
  const onFault = vi.fn<(error: unknown) => void>();
  let contents = "0";
  const { retryLater } = watchFiles({
    fingerprint: async () => contents,
    targets: () => ({ files: ["/file"] }),
    onChange,
    onFault,
    signal: stop.signal,
    intervalMs: 100,
  });
  const see = async (...looks: readonly string[]) => {
    for (const look of looks) {
      contents = look;
      await vi.advanceTimersByTimeAsync(100);
    }
  };
  return { see, onChange, onFault, retryLater, stop: () => stop.abort() };
}

test("the first state counts as a change: the file may have changed after it was read", async () => {
  const { see, onChange } = watching();
  await see("0");
  expect(onChange).toHaveBeenCalledTimes(1);
  await see("0", "0", "0");
  expect(onChange).toHaveBeenCalledTimes(1);
});

test("a change counts once two looks in a row agree on it", async () => {
  const { see, onChange } = watching();
  await see("0", "1", "2", "3");
  expect(onChange).toHaveBeenCalledTimes(1);
  await see("3", "3");
  expect(onChange).toHaveBeenCalledTimes(2);
});

test("a file that is back to what it was has not changed", async () => {
  const { see, onChange } = watching();
  await see("0", "1", "0", "0");
  expect(onChange).toHaveBeenCalledTimes(1);
});

test("no look passes while a change is dealt with", async () => {
  const done = Promise.withResolvers<void>();
  const { see, onChange } = watching(() => done.promise);
  await see("0", "1", "1", "1");
  expect(onChange).toHaveBeenCalledTimes(1);
  done.resolve();
  await see("1", "1");
  expect(onChange).toHaveBeenCalledTimes(2);
});

test("a change that fails is reported once, and the next one is seen", async () => {
  const fault = new Error("by our own fault");
  const { see, onChange, onFault } = watching(() => Promise.reject(fault));
  await see("0", "0");
  expect(onFault.mock.calls).toEqual([[fault]]);
  await see("1", "1");
  expect(onChange).toHaveBeenCalledTimes(2);
});

test("what asks for it is called again after the looks of a minute, once", async () => {
  const { see, onChange, retryLater } = watching();
  await see("0");
  retryLater();
  await see(...Array<string>(118).fill("0"));
  expect(onChange).toHaveBeenCalledTimes(1);
  await see(...Array<string>(200).fill("0"));
  expect(onChange).toHaveBeenCalledTimes(2);
});

test("the end of the watch ends its looks", async () => {
  const { see, onChange, stop } = watching();
  stop();
  await see("0", "0");
  expect(onChange).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
