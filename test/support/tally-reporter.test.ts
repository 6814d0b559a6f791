import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "./eventually.js";
import type { Tally } from "./tally-reporter.js";

const HEAD = 'import { describe, expect, test } from "vitest";\n';

/** Starts a run of its own over these files. */
function start(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(import.meta.dirname, "../../node_modules/.tally-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), HEAD + text);
  const file = join(folder, "tally.json");
  const vitest = join(import.meta.dirname, "../../node_modules/vitest/vitest.mjs");
  const reporter = join(import.meta.dirname, "tally-reporter.ts");
  const args = [vitest, "run", "--root", folder, "--reporter", reporter, "--maxWorkers", "2"];
  writeFileSync(join(folder, "vitest.config.ts"), 'export default { test: { include: ["*.t.ts"], exclude: [] } };');
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ICEMINT_TEST_TALLY: file },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  return { child, output: () => output, tally: (): Tally => JSON.parse(readFileSync(file, "utf8")) as Tally };
}

test("a run is counted, with what is skipped by name and reason, and a file that cannot be read as failed", async () => {
  const { child, output, tally } = start({
    "a.t.ts": `
      test("good", () => {});
      test("bad", () => expect(1).toBe(2));
      describe.skip("tools (skipped: no helm)", () => { test("one", () => {}); test("two", () => {}); });
      test("here", ({ skip }) => skip("no IPv6"));`,
    "b.t.ts": 'throw new Error("broken");',
  });
  await once(child, "close");
  expect(tally()).toEqual({
    passed: 1,
    failed: 2,
    skipped: 3,
    skips: ["a.t.ts: tools (skipped: no helm), 2 tests", "a.t.ts: here (no IPv6)"],
    secondTries: [],
    left: [],
  });
  expect(output()).toContain("skipped: a.t.ts: here (no IPv6)\n");
});

test("a run that is killed leaves what it came to, and what it did not get to", async () => {
  const { child, tally } = start({
    "a.t.ts": 'test("good", () => {});',
    "b.t.ts": 'test("endless", () => new Promise((resolve) => setTimeout(resolve, 60_000)), 60_000);',
  });
  const ended = once(child, "close");
  const left = (): readonly string[] | undefined => {
    try {
      return tally().left;
    } catch {
      return undefined; // not written yet, or only half
    }
  };
  await eventually("the first file has ended", () => left()?.length === 1, 15_000);
  child.kill("SIGKILL");
  await ended;
  expect(tally()).toMatchObject({ passed: 1, failed: 0, left: ["b.t.ts"] });
});
