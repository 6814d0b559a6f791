import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { watchEventLoop } from "../../src/telemetry/event-loop-lag.js";

/** A loop whose turns take as long as the test says. */
function loop() {
  let at = 0;
  const lag = watchEventLoop({ limitMs: 200, now: () => at });
  onTestFinished(() => lag[Symbol.dispose]());
  const turns = (count: number, ms: number) => {
    for (let turn = 0; turn < count; turn++) {
      at += ms;
      vi.advanceTimersByTime(50);
    }
  };
  return { lag, turns };
}

describe("event-loop lag", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    return () => vi.useRealTimers();
  });

  it("is nothing while turns are on time or early", () => {
    const { lag, turns } = loop();
    turns(10, 50);
    turns(10, 45);
    expect(lag.lagMs()).toBe(0);
  });

  it("is overload when turns stay long, for as long as they do", () => {
    const { lag, turns } = loop();
    turns(10, 450);
    expect(lag.lagMs()).toBeGreaterThan(300);
    expect(lag.overloaded()).toBe(true);
    turns(10, 50);
    expect(lag.overloaded()).toBe(false);
  });

  it("is overload even when a turn takes seconds", () => {
    const { lag, turns } = loop();
    turns(3, 5000);
    expect(lag.overloaded()).toBe(true);
  });

  it.each([500, 12_000])("is no overload after one pause of %d ms, such as a process that was frozen", (pause) => {
    const { lag, turns } = loop();
    turns(10, 50);
    turns(1, pause);
    expect(lag.overloaded()).toBe(false);
    expect(lag.lagMs()).toBeGreaterThan(50);
  });

  it("is measured on the real loop", async () => {
    vi.useRealTimers();
    using lag = watchEventLoop({ limitMs: 20 });
    await new Promise((resolve) => setTimeout(resolve, 30));
    const until = performance.now() + 200;
    while (performance.now() < until);
    await vi.waitFor(() => expect(lag.lagMs()).toBeGreaterThan(10), { interval: 5 });
  });
});
