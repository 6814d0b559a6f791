import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { fairNow } from "./fair-time.js";

/** Stops this process for so long, as a machine does that has no time for it. */
async function stopped(ms: number): Promise<void> {
  const script = `kill -STOP ${process.pid}; sleep ${ms / 1000}; kill -CONT ${process.pid}`;
  await once(spawn("sh", ["-c", script], { stdio: "ignore" }), "exit");
}

describe("fair time", () => {
  test("passes while one waits", async () => {
    const [fair, wall] = [fairNow(), performance.now()];
    await sleep(100);
    const passed = fairNow() - fair;
    expect(passed).toBeGreaterThan(10);
    expect(passed).toBeLessThanOrEqual(performance.now() - wall + 1);
  });

  test("passes while one works", () => {
    const [fair, before] = [fairNow(), process.threadCpuUsage()];
    const workedMs = (): number => {
      const { user, system } = process.threadCpuUsage(before);
      return (user + system) / 1000;
    };
    while (workedMs() < 100);
    expect(fairNow() - fair).toBeGreaterThan(90);
  });

  test("stands still while the machine keeps one from running", async () => {
    const [fair, wall] = [fairNow(), performance.now()];
    await stopped(500);
    const [fairMs, wallMs] = [fairNow() - fair, performance.now() - wall];
    expect(wallMs).toBeGreaterThan(450);
    expect(wallMs - fairMs).toBeGreaterThan(400);
  });
});
