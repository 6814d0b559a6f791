/** The built command (its thread needs built files) in this process: signals and exit are the test's. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MAIN } from "../support/server-process.js";

const built = pathToFileURL(resolve(MAIN, "../cli/serve.js")).href;
const { serve }: typeof import("../../src/cli/serve.js") = await import(built);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "icemint-serve-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Calls it with a file of that text; nothing has been waited for yet. */
function call(text: string) {
  const file = join(folder, "icemint.yaml");
  writeFileSync(file, text);
  const listeners = new Map<string, () => void>();
  const exits: number[] = [];
  const printed: string[] = [];
  const output = { write: (words: string) => printed.push(words) };
  const code = serve({
    args: ["--config", file],
    env: {},
    stdout: output,
    stderr: output,
    readStdin: async () => "",
    readSecret: async () => undefined,
    confirm: async () => undefined,
    isTerminal: false,
    onSignal: (name, listener) => void listeners.set(name, listener),
    onCrash: () => {},
    exit: (exitCode) => void exits.push(exitCode),
  });
  return { code, listeners, exits, printed };
}

test.each(["SIGTERM", "SIGINT"])(
  "%s while the settings are still read ends the process in order, without a start",
  async (name) => {
    const { code, listeners, exits, printed } = call("clients: [{ id: a, disabled: true }]");
    listeners.get(name)?.();
    expect(await code).toBe(0);
    expect(exits).toEqual([0]);
    expect(printed).toEqual([]);
  },
);

test("SIGHUP while the settings are still read is listened for, and asks for nothing", async () => {
  const { code, listeners, exits, printed } = call("nonsense: 1");
  expect([...listeners.keys()]).toContain("SIGHUP");
  listeners.get("SIGHUP")?.();
  expect(await code).toBe(1);
  expect(exits).toEqual([]);
  expect(printed.join("")).toContain("nonsense is no setting");
});
