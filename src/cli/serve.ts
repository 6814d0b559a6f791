/** `icemint serve`: reads the settings, starts the server, says what a person wants to know, and waits for signals. */
import { createHash, randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { type App, startApp } from "../app.js";
import { localDisk } from "../config/config-disk.js";
import type { Config } from "../config/config.js";
import { ConfigProblems, spellProblem } from "../config/problem.js";
import { readConfig } from "../config/read-config.js";
import { generateSecret } from "../config/secret.js";
import { watchConfig } from "../config/watch-config.js";
import { createLogSink } from "../telemetry/log-sink.js";
import { createLogger } from "../telemetry/logger.js";
import type { CommandContext } from "./command.js";
import { demoClient } from "./demo-client.js";
import { startText } from "./start-text.js";
import { VERSION } from "./version.js";

const USAGE = "usage: icemint serve [--config FILE]\n";

const clock = (): number => Date.now();

/** Runs the server until it is told to stop. Resolves with 0 after an orderly end, 1 if it could not start. */
export async function serve(context: CommandContext): Promise<number> {
  const { stdout, stderr, env, isTerminal } = context;
  const file = configFileOf(context.args);
  if (file === "wrong") {
    stderr.write(USAGE);
    return 2;
  }
  const read = (running?: Config): Config =>
    readConfig({ file, env, disk: localDisk, clock, ...(running && { running }) });
  let config: Config;
  try {
    config = read();
  } catch (error) {
    stderr.write(startFailure(error));
    return 1;
  }
  const demoSecret = config.demo ? generateSecret(randomBytes) : undefined;
  if (demoSecret !== undefined) {
    const digest = createHash("sha256").update(demoSecret).digest();
    config = { ...config, clients: [...config.clients, demoClient(digest, config)] };
  }
  const sink = createLogSink({ fd: 2, pretty: isTerminal });
  const logger = createLogger({ level: config.logLevel, sink, clock });
  context.onCrash((error) => {
    logger.error("icemint stops: an error that nothing handled", { err: error });
    sink.flushSync();
    context.exit(1);
  });
  let app: App;
  try {
    app = await startApp({ config, version: VERSION, clock, logger, sink });
  } catch (error) {
    sink.flushSync();
    stderr.write(startFailure(error));
    return 1;
  }
  stdout.write(startText({ config, app, version: VERSION, demoSecret }));
  const watching = new AbortController();
  if (config.files.length > 0) {
    const started = config;
    const { reloadNow } = watchConfig({
      started,
      read: () => read(started),
      signal: watching.signal,
      onGood(next, restartFor) {
        app.reload(next);
        logger.info("settings reloaded", { clients: next.clients.length, warnings: next.warnings });
        if (restartFor.length > 0) logger.warn("changed settings need a restart", { settings: restartFor });
      },
      onBad(error) {
        app.reloadFailed();
        const problems = error instanceof ConfigProblems ? error.problems.map(spellProblem) : undefined;
        logger.error("changed settings refused, the good ones stay", problems ? { problems } : { err: error });
      },
    });
    context.onSignal("SIGHUP", reloadNow);
  }
  await stopSignal(context);
  logger.info("stopping: no longer ready, requests in flight go on", config.shutdown);
  void stopSignal(context).then(() => context.exit(130));
  watching.abort();
  await app.drain(config.shutdown);
  logger.info("stopped");
  sink.flushSync();
  context.exit(0);
  return 0;
}

/** The settings file that was named; undefined if none was; `wrong` for anything else. */
function configFileOf(args: readonly string[]): string | undefined | "wrong" {
  try {
    return parseArgs({ args: [...args], options: { config: { type: "string", short: "c" } } }).values.config;
  } catch {
    return "wrong";
  }
}

/** Resolves at the next SIGTERM or SIGINT. */
function stopSignal(context: CommandContext): Promise<void> {
  return new Promise((resolve) => {
    context.onSignal("SIGTERM", resolve);
    context.onSignal("SIGINT", resolve);
  });
}

/** Why it does not start: one line, or one for each problem of the settings. */
function startFailure(error: unknown): string {
  if (error instanceof ConfigProblems) {
    return `icemint: the settings cannot be used:\n${error.problems.map((problem) => `${spellProblem(problem)}\n`).join("")}`;
  }
  if (!(error instanceof Error)) return `icemint: ${String(error)}\n`;
  const code = "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE" && "address" in error && "port" in error) {
    return (
      `icemint: ${String(error.address)}:${String(error.port)} is in use. Stop what listens there, or choose another ` +
      "address with ICEMINT_LISTEN (or ICEMINT_ADMIN_LISTEN), such as 127.0.0.1:8182.\n"
    );
  }
  return `icemint: ${error.message}\n`;
}
