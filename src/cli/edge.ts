/** `icemint edge`: reads the settings, starts the edge, prints where it listens, and waits for signals. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { localDisk } from "../config/reading/disk.js";
import { realTime, startEdge, type Edge } from "../edge/edge.js";
import { createLeanLogger } from "../edge/lean-logger.js";
import { readEdgeSettings } from "../edge/settings/read.js";
import { createLogSink } from "../telemetry/log-sink.js";
import { SECOND } from "../time/clock.js";
import type { CommandContext } from "./command.js";
import { startFailure } from "./start-failure.js";
import { VERSION } from "./version.js";

export const USAGE = `usage: icemint edge --config FILE [--check]
  --check  only say everything that is wrong with the settings
`;

/** Below the 30 s after which Kubernetes kills. */
const GRACE_MS = 20 * SECOND;

/** Runs the edge until a signal stops it. Resolves with 0 after an orderly end, 1 if it could not start. */
export async function edge(context: CommandContext): Promise<number> {
  const options = readArguments(context.args);
  if (options === undefined) {
    context.stderr.write(USAGE);
    return 2;
  }
  const stopped = stopSignal(context);
  const sink = createLogSink({ fd: 2, pretty: context.isTerminal });
  const logger = createLeanLogger(sink, realTime.clock);
  // The tokens are in memory: a process that ends would lose them.
  context.onCrash((error) => logger.error("an error that nothing handled; the edge goes on", { err: error }));
  let running: Edge;
  try {
    const settings = readEdgeSettings(resolve(options.file), localDisk);
    if (options.isCheck) {
      context.stdout.write("good\n");
      return 0;
    }
    running = await startEdge(settings, { ...realTime, version: VERSION, logger });
  } catch (error) {
    sink.flushSync();
    context.stderr.write(startFailure(error));
    return 1;
  }
  context.stdout.write(startText(running));
  await stopped;
  logger.info("stopping: no longer ready, requests in flight go on");
  void stopSignal(context).then(() => context.exit(130));
  await running.drain(GRACE_MS);
  logger.info("stopped");
  await sink.close();
  context.exit(0);
  return 0;
}

function startText({ addresses }: Edge): string {
  const lines = Object.entries(addresses).map(([name, address]) => `  ${name.padEnd(13)}${address}\n`);
  return `icemint edge ${VERSION}\n${lines.join("")}\n`;
}

function readArguments(args: readonly string[]): { readonly file: string; readonly isCheck: boolean } | undefined {
  try {
    const { config, check } = parseArgs({
      args: [...args],
      options: { config: { type: "string", short: "c" }, check: { type: "boolean", default: false } },
    }).values;
    return config === undefined ? undefined : { file: config, isCheck: check };
  } catch {
    return undefined;
  }
}

/** Resolves at the next SIGTERM or SIGINT. */
function stopSignal(context: CommandContext): Promise<void> {
  return new Promise((done) => {
    context.onSignal("SIGTERM", done);
    context.onSignal("SIGINT", done);
  });
}
