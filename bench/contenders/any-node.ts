/** What `dist/main.js` does, without asking how old this Node is: `serve` and its arguments. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Commands from "../../src/cli/run-command.js";

const built = pathToFileURL(resolve("dist/cli/run-command.js")).href;
const { runCommand } = (await import(built)) as typeof Commands;

process.exitCode = await runCommand({
  args: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  readStdin: () => Promise.resolve(""),
  readSecret: async () => undefined,
  confirm: async () => undefined,
  isTerminal: false,
  onSignal: (name, listener) => void process.on(name, listener),
  onCrash: (listener) => void process.on("uncaughtException", listener),
  exit: (exitCode) => process.exit(exitCode),
});
