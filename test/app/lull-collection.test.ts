import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { collectInLulls } from "../../src/app/lull-collection.js";

const MIB = 1024 * 1024;
const LOOK_MS = 5000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A process of which a test says what it holds and does; a collection frees down to `live`. */
function watched({ live = 100 * MIB } = {}) {
  const process = { resident: 100 * MIB, busy: 0, live, collections: 0 };
  const watching = collectInLulls({
    residentBytes: () => process.resident,
    utilization: () => process.busy,
    collect() {
      process.collections += 1;
      process.resident = Math.min(process.resident, process.live);
    },
  });
  vi.advanceTimersByTime(2 * LOOK_MS);
  return { process, watching };
}

describe("garbage is collected", () => {
  test("when the process has grown and has nothing to do", () => {
    const { process, watching } = watched();
    using _ = watching;
    process.resident = 200 * MIB;
    vi.advanceTimersByTime(2 * LOOK_MS);
    expect(process).toMatchObject({ collections: 1, resident: 100 * MIB });
  });

  test("not while there is work, nor for a little growth", () => {
    const { process, watching } = watched();
    using _ = watching;
    Object.assign(process, { resident: 200 * MIB, busy: 0.5 });
    vi.advanceTimersByTime(20 * LOOK_MS);
    Object.assign(process, { resident: 110 * MIB, busy: 0 });
    vi.advanceTimersByTime(20 * LOOK_MS);
    expect(process.collections).toBe(0);
  });

  test("not again and again where nothing comes of it", () => {
    const { process, watching } = watched({ live: 300 * MIB });
    using _ = watching;
    process.resident = 200 * MIB;
    vi.advanceTimersByTime(100 * LOOK_MS);
    expect(process.collections).toBe(1);
  });
});
