/** `icemint serve`: reads the settings, starts the server, prints the start banner, and waits for signals. */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import type { App } from "../app.js";
import { secretDigest } from "../clients/secret.js";
import type { Config } from "../config/config.js";
import { createFingerprint } from "../files/fingerprint.js";
import { ConfigProblems, spellProblem } from "../config/reading/problem.js";
import { readInThread } from "../config/reload/read-in-thread.js";
import { generateSecret } from "../config/clients/secret.js";
import { watchConfig } from "../config/reload/watch.js";
import { createLogSink } from "../telemetry/log-sink.js";
import { type Logger, createLogger } from "../telemetry/logger.js";
import type { CommandContext } from "./command.js";
import { demoClient } from "./demo-client.js";
import { serveWorkers, workerIndex } from "./serve-workers.js";
import { startFailure } from "./start-failure.js";
import { startText } from "./start-text.js";
import { VERSION } from "./version.js";

export const USAGE = "usage: icemint serve [--config FILE] [--workers N]\n";
const MOST_WORKERS = 128;

const clock = (): number => Date.now();

/** Reads the settings as they are now; `running`, once there is one, is the state that the server started with. */
type ReadSettings = (running?: Config) => Promise<Config>;

/** Runs the server until a signal stops it. Resolves with 0 after an orderly end, 1 if it could not start. */
export async function serve(context: CommandContext): Promise<number> {
  const options = readArguments(context.args);
  if (options === undefined) {
    context.stderr.write(USAGE);
    return 2;
  }
  const signals = listenForSignals(context);
  const index = workerIndex(context.env);
  const supervises = options.workers > 1 && index === undefined;
  const demoSecret = generateSecret(randomBytes);
  const read: ReadSettings = async (running) => {
    const config = await readInThread({ file: options.file, env: context.env, ...(running && { running }) });
    return forThisProcess(config, index, demoSecret);
  };
  let config: Config | undefined;
  try {
    // The server's code is loaded while another thread reads: these two take most of a start.
    const reading = Promise.all([read(), supervises ? undefined : import("../app.js")]).then(([found]) => found);
    config = await Promise.race([reading, signals.stop.then(() => undefined)]);
    if (config === undefined) {
      context.exit(0);
      return 0;
    }
    if (options.workers > 1) requireSharedKeys(config);
  } catch (error) {
    context.stderr.write(startFailure(error));
    return 1;
  }
  if (supervises) return serveWorkers(options.workers, context);
  return runServer({ config, read, signals, demoSecret: config.demo ? demoSecret : undefined }, context);
}

interface Run {
  readonly config: Config;
  readonly read: ReadSettings;
  readonly signals: Signals;
  readonly demoSecret: string | undefined;
}

/** Starts, follows changes of the settings, and goes down in order at the first signal, at once at the second. */
async function runServer({ config, read, signals, demoSecret }: Run, context: CommandContext): Promise<number> {
  const sink = createLogSink({ fd: 2, pretty: context.isTerminal });
  const logger = createLogger({ level: config.logLevel, sink, clock });
  let app: App | undefined;
  context.onCrash((error) => {
    // A server goes on: its entries are guarded, what it knows is in Redis or bounded in time, and if one request could
    // end the process, its sender could end every replica in turn.
    if (app !== undefined) return app.unexpectedError(error);
    logger.error("icemint stops: an error that nothing handled", { err: error });
    sink.flushSync();
    context.exit(1);
  });
  try {
    const { startApp } = await import("../app.js");
    app = await startApp({ config, version: VERSION, clock, logger, sink });
  } catch (error) {
    sink.flushSync();
    context.stderr.write(startFailure(error));
    return 1;
  }
  const isFirst = (workerIndex(context.env) ?? 0) === 0;
  if (isFirst) context.stdout.write(startText({ config, app, version: VERSION, demoSecret }));
  const watching = new AbortController();
  if (config.files.length > 0) {
    signals.hangUp = followSettings({ config, read, app, logger, signal: watching.signal });
  }

  await signals.stop;
  logger.info("stopping: no longer ready, requests in flight go on", config.shutdown);
  void stopSignal(context).then(() => context.exit(130));
  watching.abort();
  await app.drain(config.shutdown);
  logger.info("stopped");
  await sink.close();
  context.exit(0);
  return 0;
}

/** Applies changed settings, or reports why not. Returns a function that reloads at once. */
function followSettings(of: {
  readonly config: Config;
  readonly read: ReadSettings;
  readonly app: App;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): () => void {
  const { config: started, read, app, logger, signal } = of;
  const { reloadNow } = watchConfig({
    started,
    read: () => read(started),
    fingerprint: createFingerprint({ clock }),
    onFault: (error) => logger.fault("settings", error),
    signal,
    onGood(next, restartFor, trigger) {
      app.reload(next, trigger);
      logger.info("settings reloaded", { clients: next.clients.length, warnings: next.warnings });
      if (restartFor.length > 0) logger.warn("changed settings need a restart", { settings: restartFor });
    },
    onBad(error, trigger) {
      const problems = error instanceof ConfigProblems ? error.problems.map(spellProblem) : undefined;
      app.reloadFailed(trigger, problems ?? ["the settings could not be read; the log has the cause"]);
      logger.error("changed settings refused, the good ones stay", problems ? { problems } : { err: error });
    },
  });
  return reloadNow;
}

function readArguments(args: readonly string[]): { file: string | undefined; workers: number } | undefined {
  try {
    const { config: file, workers = "1" } = parseArgs({
      args: [...args],
      options: { config: { type: "string", short: "c" }, workers: { type: "string" } },
    }).values;
    const count = Number(workers);
    return Number.isInteger(count) && count >= 1 && count <= MOST_WORKERS ? { file, workers: count } : undefined;
  } catch {
    return undefined;
  }
}

/** Workers with keys of their own would refuse each other's tokens. */
function requireSharedKeys({ redis, keys }: Config): void {
  if (redis === undefined && keys.files.length === 0 && keys.vault === undefined) {
    throw new Error("--workers needs keys that all workers share: configure redis, keys.files or keys.vault");
  }
}

/**
 * The settings of this process: each worker has an admin port of its own, counted up from the configured one, and a
 * first start has a demo client.
 */
function forThisProcess(config: Config, index: number | undefined, demoSecret: string): Config {
  const { host, port } = config.adminListen;
  return {
    ...config,
    adminListen: { host, port: port === 0 ? 0 : port + (index ?? 0) },
    clients: config.demo ? [...config.clients, demoClient(secretDigest(demoSecret), config)] : config.clients,
  };
}

interface Signals {
  /** Resolves at the first SIGTERM or SIGINT. */
  readonly stop: Promise<void>;
  /** Called at each SIGHUP. Nothing has to be done before there is a server: what it starts with was just read. */
  hangUp: () => void;
}

/**
 * Called first of all: the first process of a container ignores every signal that it does not listen for, and any other
 * process ends at a SIGHUP.
 */
function listenForSignals(context: CommandContext): Signals {
  const signals: Signals = { stop: stopSignal(context), hangUp: () => {} };
  context.onSignal("SIGHUP", () => signals.hangUp());
  return signals;
}

/** Resolves at the next SIGTERM or SIGINT. */
function stopSignal(context: CommandContext): Promise<void> {
  return new Promise((resolve) => {
    context.onSignal("SIGTERM", resolve);
    context.onSignal("SIGINT", resolve);
  });
}
