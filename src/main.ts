#!/usr/bin/env node
// The process edge, and the only file that touches `process`. It imports nothing until it has checked the version of Node.
const OLDEST = 24;
const major = Number.parseInt(process.versions.node, 10);

if (major < OLDEST) {
  process.stderr.write(
    `icemint: needs Node ${OLDEST} or later, because one packet from any client ends some releases of Node 22; this is ` +
      `${process.versions.node}. In a checkout, \`npm run\` and \`npx icemint\` bring one along.\n`,
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
    readSecret: async (question) => {
      if (!process.stdin.isTTY) return undefined;
      const { promptSecret } = await import("./cli/secret-prompt.js");
      return promptSecret(question, { input: process.stdin, output: process.stderr });
    },
    confirm: async (question) => {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
      const { createInterface } = await import("node:readline/promises");
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      const answer = await lines.question(`${question} [y/N] `).finally(() => lines.close());
      return /^y(es)?$/i.test(answer.trim());
    },
    isTerminal: process.stderr.isTTY,
    onSignal: (name, listener) => void process.on(name, listener),
    onCrash: (listener) => void process.on("uncaughtException", listener).on("unhandledRejection", listener),
    exit: (exitCode) => process.exit(exitCode),
  });
  process.exitCode = code;
}
