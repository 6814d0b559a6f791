#!/usr/bin/env node
// The process edge, and the only file that touches `process`. It imports nothing before it knows that this Node will do.
const OLDEST = [22, 22] as const;
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    `icemint: needs Node ${OLDEST.join(".")} or later, and this is ${process.versions.node}. In a checkout, ` +
      "`npm run` and `npx icemint` bring one along.\n",
  );
  process.exitCode = 1;
} else {
  const { text } = await import("node:stream/consumers");
  const { runCommand } = await import("./cli/run-command.js");
  const code = await runCommand({
    args: process.argv.slice(2),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    readStdin: () => text(process.stdin),
    isTerminal: process.stderr.isTTY,
    onSignal: (name, listener) => void process.on(name, listener),
    onCrash: (listener) => void process.on("uncaughtException", listener).on("unhandledRejection", listener),
    exit: (exitCode) => process.exit(exitCode),
  });
  process.exitCode = code;
}
